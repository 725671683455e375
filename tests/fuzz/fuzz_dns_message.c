/* Any bytes as the answer to a question: bounded, and never a seed outside of the parent domain.
 * The first byte chooses the question. */
#include "target.h"

#include "core/dns/hosts_file.h"
#include "core/dns/lookup.h"
#include "core/dns/seeds.h"

#define HOST   "cluster0.example.test"
#define DOMAIN ".example.test:"

static const struct {
    uint16_t type;
    const char *name;
} questions[] = {
    {DNS_SRV, "_mongodb._tcp." HOST}, {DNS_TXT, HOST}, {DNS_A, HOST}, {DNS_AAAA, HOST}};

static void check_seeds(const struct seeds *seeds)
{
    require(seeds->count > 0 && seeds->count <= DNS_RECORDS_MOST);
    for (size_t i = 0; i < seeds->count; i++) {
        const char *domain = strstr(seeds->hosts[i], DOMAIN);
        require(domain != NULL && domain > seeds->hosts[i]);
        require(strchr(domain + strlen(DOMAIN), '.') == NULL);
    }
}

static void build(const struct dns_answer *srv, const struct dns_answer *txt, size_t most)
{
    struct seeds_wanted wanted = {.host = HOST, .max_hosts = most};
    static uint32_t words[DNS_RECORDS_MOST];
    struct seeds seeds;
    struct error why;
    for (uint32_t i = 0; i < DNS_RECORDS_MOST; i++) {
        words[i] = i * 2654435761U;
    }
    if (seeds_build(&wanted, srv, txt, words, &seeds, &why) == STATUS_OK) {
        check_seeds(&seeds);
        require(most == 0 || seeds.count <= most);
        seeds_clear(&seeds);
    } else {
        require(why.status == STATUS_BAD_INPUT && why.text[0] != '\0');
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t size)
{
    struct dns_record record = {.text = (char[]){"shard0.example.test"}, .port = 27017};
    struct dns_answer good = {.count = 1, .records = &record};
    struct dns_answer answer;
    struct address found[4];
    struct error why;
    if (size == 0) {
        return 0;
    }
    size_t choice = bytes[0] % (sizeof questions / sizeof *questions);
    struct span message = span_of(bytes + 1, size - 1);
    uint16_t type = questions[choice].type;
    require(hosts_file_find(message, "a", 1, found, 4) <= 4);
    enum status status = message_decode(message, type, questions[choice].name, &answer, &why);
    if (status != STATUS_OK) {
        require(why.text[0] != '\0');
        return 0;
    }
    enum lookup_word word = lookup_word_of(STATUS_OK, status, &answer);
    require((word == LOOKUP_OK) == (answer.count > 0));
    require(answer.count <= DNS_RECORDS_MOST && answer.ttl_seconds <= INT32_MAX);
    if (type == DNS_SRV) {
        build(&answer, NULL, bytes[0] / 8);
    } else if (type == DNS_TXT) {
        build(&good, &answer, 0);
    }
    dns_answer_clear(&answer);
    return 0;
}

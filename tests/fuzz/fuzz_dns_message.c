/* Any bytes as the answer to a question: bounded, and never a seed outside of the parent domain.
 * The first byte chooses the question. */
#include "target.h"

#include "core/dns/hosts_file.h"
#include "core/dns/lookup.h"
#include "core/dns/resolv_conf.h"
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

/* The same bytes as the two files that are read, and as what comes with an answer. */
static void read_besides(struct span message)
{
    struct address found[4];
    struct name_server servers[4];
    struct dns_extended_error extended;
    require(hosts_file_find(message, "a", 1, found, 4) <= 4);
    size_t count = resolv_conf_read(message, servers, 4);
    require(count <= 4);
    for (size_t i = 0; i < count; i++) {
        require(servers[i].address.family != ADDRESS_UNIX && servers[i].address.port != 0);
        require(memchr(servers[i].zone, '\0', sizeof servers[i].zone) != NULL);
    }
    if (message_extended_error(message, &extended)) {
        require(memchr(extended.text, '\0', sizeof extended.text) != NULL);
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t size)
{
    struct dns_record record = {.text = (char[]){"shard0.example.test"}, .port = 27017};
    struct dns_answer good = {.count = 1, .records = &record};
    struct dns_answer answer;
    struct error why;
    if (size == 0) {
        return 0;
    }
    size_t choice = bytes[0] % (sizeof questions / sizeof *questions);
    struct span message = span_of(bytes + 1, size - 1);
    uint16_t type = questions[choice].type;
    read_besides(message);
    enum status status = message_decode(message, type, questions[choice].name, &answer, &why);
    uint16_t id = (uint16_t)(size > 2 ? bytes[1] << 8 | bytes[2] : 0);
    bool is_reply = message_is_reply(message, id, type, questions[choice].name);
    require(!message_is_reply(message, (uint16_t)(id ^ 1), type, questions[choice].name));
    if (status != STATUS_OK) {
        require(why.text[0] != '\0');
        return 0;
    }
    require(is_reply); /* with that id, what can be decoded is one */
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

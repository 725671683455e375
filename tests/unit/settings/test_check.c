/* The rules between options, and files and addresses that can be looked at before anything runs. */
#include "settings_world.h"

static void load_two(const char *one, const char *two)
{
    char *flags[] = {(char *)(uintptr_t)one, (char *)(uintptr_t)two, NULL};
    load(GOOD_URI, NULL, NULL, flags);
}

static void test_the_defaults_are_good(void **state)
{
    (void)state;
    load_uri(GOOD_URI);
    assert_clean();
    assert_true(w.s.listen.addresses_are_default);
    load_flag("--listen.addresses=127.0.0.1:27017,[::1]:27017");
    assert_false(w.s.listen.addresses_are_default);
}

static void test_listening_beyond_loopback_must_be_asked_for(void **state)
{
    (void)state;
    load_flag("--listen.addresses=127.0.0.2:1,10.0.0.1:27017");
    assert_error("listen.addresses", "10.0.0.1:27017 is not loopback");
    load_two("--listen.addresses=0.0.0.0:27017", "--listen.allowUnauthenticated=true");
    assert_clean();
    load_flag("--listen.addresses=localhost:27017");
    assert_error("listen.addresses", "localhost:27017 is no address: write 127.0.0.1:27017");
    load_flag("--listen.addresses=");
    assert_error("listen.addresses", "nobody could connect");
    load_two("--listen.addresses=", "--listen.unixSocket=/tmp/mooring.sock");
    assert_clean();
    load_flag("--listen.unixSocket=mooring.sock");
    assert_error("listen.unixSocket", "a whole path");
}

static void test_presentations(void **state)
{
    (void)state;
    load_two("--listen.presentation=replicaSet", "--listen.advertisedHost=db.example.test");
    assert_clean();
    load_two("--listen.presentation=replicaSet", "--listen.advertisedHost=[::1]:4000");
    assert_clean();
    load_two("--listen.presentation=replicaSet", "--listen.advertisedHost=Db.example.test");
    assert_error("listen.advertisedHost", "write it so");
    load_two("--listen.presentation=replicaSet", "--listen.advertisedHost=db.example.test:0");
    assert_error("listen.advertisedHost", "host or host:port is expected");
    load_flag("--listen.advertisedHost=db.example.test");
    assert_warning("listen.advertisedHost", "has no effect");
    load_two("--listen.presentation=replicaSet", "--listen.unixSocket=/tmp/Mooring.sock");
    assert_warning("listen.unixSocket", "lower case");
    load_flag("--listen.replicaSet=rs0");
    assert_warning("listen.replicaSet", "has no effect");
    load_flag("--listen.presentation=mongod");
    assert_error("listen.presentation", "replicaSet");

    char *flags[] = {"--listen.presentation=replicaSet", "--listen.addresses=0.0.0.0:27017",
                     "--listen.allowUnauthenticated=true", NULL};
    load(GOOD_URI, NULL, NULL, flags);
    assert_warning("listen.advertisedHost", "behind a port mapping");
}

static void test_pools(void **state)
{
    (void)state;
    load_two("--pool.minPoolSize=5", "--pool.maxPoolSize=4");
    assert_error("pool.minPoolSize", "is larger than pool.maxPoolSize (4)");
    load_flag("--pool.maxPoolSize=1");
    assert_warning("pool.maxPoolSize", "keeps the commit from getting through");
    load_two("--limits.maxOperationsPerApp=4", "--pool.maxPoolSize=4");
    assert_warning("limits.maxOperationsPerApp", "can take every connection");
    load_two("--limits.maxOperationsPerApp=3", "--pool.maxPoolSize=4");
    assert_clean();
    load_flag("--pool.maxAwaiting=100%");
    assert_warning("pool.maxAwaiting", "set at most 18");
    load_flag("--pool.maxAwaiting=90%");
    assert_clean();
    load_two("--pool.maxAwaiting=11", "--pool.maxPoolSize=10");
    assert_warning("pool.maxAwaiting", "is larger than pool.maxPoolSize (10)");
    load_two("--limits.bufferBytes=1MiB", "--limits.holdBytes=2MiB");
    assert_error("limits.holdBytes", "is larger than limits.bufferBytes");
    load_flag("--reconnect.initialMS=20000");
    assert_error("reconnect.initialMS", "is larger than reconnect.maxMS (15000)");
}

static void test_outbound_proxies(void **state)
{
    (void)state;
    load_flag("--upstream.socksProxy=me:p@ss@proxy.example.test:1080");
    assert_clean();
    load_flag("--upstream.httpProxy=[::1]:3128");
    assert_clean();
    load_flag("--upstream.httpProxy=proxy.example.test");
    assert_error("upstream.httpProxy", "[user:password@]host:port is expected");
    load_flag("--upstream.socksProxy=proxy.example.test:0");
    assert_error("upstream.socksProxy", "host:port is expected");
    load_flag("--upstream.socksProxy=http://proxy:1080");
    assert_error("upstream.socksProxy", "host:port is expected");
    load_two("--upstream.socksProxy=a:1", "--upstream.httpProxy=b:2");
    assert_error("upstream.httpProxy", "only one outbound proxy");
}

static void test_seeds(void **state)
{
    (void)state;
    load_flag("--upstream.seeds=a.example.test,b.example.test:27018,[::1]:5");
    assert_clean();
    load_flag("--upstream.seeds=a.example.test:port");
    assert_error("upstream.seeds", "a port is a number from 1 to 65535");
}

static void test_resolvers(void **state)
{
    (void)state;
    load_flag("--dns.resolvers=system,10.0.0.2,[::1]:5353,tls://10.0.0.2#dns.example,"
              "https://10.0.0.2/dns-query#dns.example");
    assert_clean();
    load_flag("--dns.resolvers=dns.example.test");
    assert_error("dns.resolvers", "dns.example.test: a resolver is named by its address");
    load_flag("--dns.resolvers=/tmp/socket");
    assert_error("dns.resolvers", "/tmp/socket: an address is expected, like 10.0.0.2");
    load_flag("--dns.resolvers=10.0.0.2,tls://10.0.0.2");
    assert_error("dns.resolvers", "tls://10.0.0.2: the name in the resolver's certificate");
}

static void test_resolvers_to_fall_back_on(void **state)
{
    (void)state;
    load_flag("--dns.fallback=off");
    assert_clean();
    load_flag("--dns.fallback=on");
    assert_error("dns.fallback", "off");
    load_flag("--dns.fallback=listed");
    assert_error("dns.fallbackResolvers", "none are named: name some, or set dns.fallback to auto");
    load_two("--dns.fallback=listed",
             "--dns.fallbackResolvers=10.0.0.2,tls://10.0.0.2#dns.example");
    assert_clean();
    load_flag("--dns.fallbackResolvers=10.0.0.2");
    assert_clean();
    load_flag("--dns.fallbackResolvers=https://10.0.0.2");
    assert_error("dns.fallbackResolvers", "https://10.0.0.2: the name");
    load_flag("--dns.fallbackResolvers=system");
    assert_error("dns.fallbackResolvers", "name them in dns.resolvers");
    load_two("--dns.fallback=off", "--dns.fallbackResolvers=10.0.0.2");
    assert_warning("dns.fallbackResolvers", "has no effect");
}

static void test_roots_of_resolvers(void **state)
{
    (void)state;
    load_flag("--dns.caFile=/nowhere/ca.pem");
    assert_error("dns.caFile", "cannot read /nowhere/ca.pem");
    load_flag("--dns.caFile=" SOURCE_DIR "/README.md");
    assert_clean();
    load_two("--dns.caFile=" SOURCE_DIR "/README.md", "--dns.fallback=off");
    assert_warning("dns.caFile", "no resolver is named by tls:// or https://");
    load_two("--dns.caFile=" SOURCE_DIR "/README.md", "--dns.fallbackResolvers=10.0.0.2");
    assert_warning("dns.caFile", "no resolver is named by tls:// or https://");
    load_two("--dns.caFile=" SOURCE_DIR "/README.md",
             "--dns.fallbackResolvers=tls://10.0.0.2#dns.example");
    assert_clean();
}

static void test_levels_of_groups(void **state)
{
    (void)state;
    load_flag("--log.groups=pool=debug,dns=warn");
    assert_clean();
    load_flag("--log.groups=pol=debug");
    assert_error("log.groups", "a group of net, tls, dns, topology, pool, client, settings, main");
    load_flag("--log.groups=pool=loud");
    assert_error("log.groups", "a level of error, warn, info, debug");
    load_flag("--log.groups=pool");
    assert_error("log.groups", "GROUP=LEVEL is expected");
}

static void test_files_of_tls(void **state)
{
    (void)state;
    load_flag("--tls.caFile=/nowhere/ca.pem");
    assert_error("tls.caFile", "cannot read /nowhere/ca.pem: No such file or directory");
    load_flag("--tls.caFile=/");
    assert_error("tls.caFile", "/ is a folder: name a file");
    load_flag("--tls.certificateKeyFile=/nowhere/key.pem");
    assert_error("tls.certificateKeyFile", "cannot read /nowhere/key.pem");
    load_flag("--tls.allowInvalidCertificates=true");
    assert_warning("tls.allowInvalidCertificates", "anyone on the way");
    load_flag("--tls.allowInvalidHostnames=true");
    assert_warning("tls.allowInvalidHostnames", "whoever has any certificate");
}

static void test_settings_of_tls_without_tls_are_a_warning(void **state)
{
    char *flags[] = {"--tls.caFile=/dev/null", NULL};
    (void)state;
    load(GOOD_URI, NULL, NULL, flags);
    assert_warning("tls", "have no effect, for the connection string does not ask for TLS");
    load(GOOD_URI "?tls=true", NULL, NULL, flags);
    assert_clean();
    load("mongodb+srv://db.example.test/", NULL, NULL, flags);
    assert_clean();
    load_uri(GOOD_URI "?tlsInsecure=true");
    assert_warning("tls", "add tls=true to it");
}

static void test_a_login_needs_its_parts(void **state)
{
    (void)state;
    load_uri("mongodb://app@db.example.test/");
    assert_error("connection string", "a user without a password: add it, or set "
                                      "upstream.passwordFile");
    load_uri("mongodb://app:@db.example.test/");
    assert_clean();
    load_uri("mongodb://db.example.test/?authMechanism=SCRAM-SHA-256");
    assert_error("connection string", "there is no user: add user:password@");
    load_uri("mongodb://db.example.test/?authSource=admin");
    assert_clean();
}

static void load_x509(const char *uri)
{
    char *flags[] = {"--tls.certificateKeyFile=/dev/null", NULL};
    load(uri, NULL, NULL, flags);
}

static void test_a_login_by_certificate_needs_its_parts(void **state)
{
    (void)state;
    load_x509("mongodb://h/?authMechanism=MONGODB-X509&tls=true");
    assert_clean();
    load_x509("mongodb://CN%3Dme@h/?authMechanism=MONGODB-X509&tls=true&authSource=$external");
    assert_clean();
    load_x509("mongodb://me:pass@h/?authMechanism=MONGODB-X509&tls=true");
    assert_error("connection string", "takes no password");
    load_x509("mongodb://h/?authMechanism=MONGODB-X509&tls=true&authSource=admin");
    assert_error("connection string", "takes no authSource but $external");
    load_x509("mongodb://h/?authMechanism=MONGODB-X509");
    assert_error("connection string", "add tls=true");
    load_uri("mongodb://h/?authMechanism=MONGODB-X509&tls=true");
    assert_error("tls.certificateKeyFile", "logs in by a client certificate: name its file");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        in_world(test_the_defaults_are_good),
        in_world(test_listening_beyond_loopback_must_be_asked_for),
        in_world(test_presentations),
        in_world(test_pools),
        in_world(test_outbound_proxies),
        in_world(test_seeds),
        in_world(test_resolvers),
        in_world(test_resolvers_to_fall_back_on),
        in_world(test_roots_of_resolvers),
        in_world(test_levels_of_groups),
        in_world(test_files_of_tls),
        in_world(test_settings_of_tls_without_tls_are_a_warning),
        in_world(test_a_login_needs_its_parts),
        in_world(test_a_login_by_certificate_needs_its_parts),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

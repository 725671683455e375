/* What files and variables say of a machine: folders that look like one. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cmocka.h>

#include "base/require.h"
#include "base/scope.h"
#include "doctor/machine.h"

static char root[64];

static int make_root(void **state)
{
    (void)state;
    strcpy(root, "/tmp/machine-XXXXXX");
    return mkdtemp(root) == NULL;
}

static int remove_root(void **state)
{
    (void)state;
    auto_free char *command = xformat("rm -r %s", root);
    return system(command);
}

static void put(const char *path, const char *text)
{
    auto_free char *whole = xformat("%s%s", root, path);
    for (char *slash = strchr(whole + strlen(root) + 1, '/'); slash != NULL;
         slash = strchr(slash + 1, '/')) {
        *slash = '\0';
        mkdir(whole, 0700);
        *slash = '/';
    }
    auto_file FILE *file = fopen(whole, "w");
    assert_non_null(file);
    fputs(text, file);
}

static void clear(struct machine_fact *m)
{
    free(m->container);
    free(m->vpn);
    free(m->proxy_variables);
}

static void test_an_ordinary_machine(void **state)
{
    (void)state;
    struct machine_fact m = {0};
    put("/proc/sys/kernel/osrelease", "6.1.0-28-amd64\n");
    put("/proc/1/cgroup", "0::/init.scope\n");
    put("/proc/net/dev", "Inter-|\n face |\n    lo: 1 2\n  eth0: 3 4\n");
    put("/proc/net/route", "Iface\tDestination\tGateway\tFlags\tRefCnt\tUse\tMetric\tMask\n"
                           "eth0\t00000000\t0101A8C0\t0003\t0\t0\t0\t00000000\n");
    machine_read(&m, root, (char *[]){"HOME=/", "HTTPS_PROXY=", NULL});
    assert_null(m.container);
    assert_null(m.vpn);
    assert_null(m.proxy_variables);
    assert_false(m.is_musl || m.is_wsl || m.has_ipv6_route);
    assert_true(m.has_ipv4_route);
    assert_true(m.open_files > 0 && m.wall_clock > m.built && m.built > 1700000000);
    clear(&m);
}

static void test_a_machine_with_everything(void **state)
{
    (void)state;
    struct machine_fact m = {0};
    put("/proc/sys/kernel/osrelease", "5.15.167.4-microsoft-standard-WSL2\n");
    put("/.dockerenv", "");
    put("/etc/alpine-release", "3.17.0\n");
    put("/proc/net/dev", "Inter-|\n face |\n  wg0: 1 2\n  eth0: 3 4\n tun1: 1\n");
    put("/proc/net/route", "Iface\tDestination\n"
                           "eth0\t0001A8C0\t00000000\t0001\t0\t0\t0\t00FFFFFF\n");
    put("/proc/net/ipv6_route",
        "00000000000000000000000000000000 00 00000000000000000000000000000000 00 "
        "fe800000000000000000000000000001 00000400 1 0 00000003 eth0\n");
    machine_read(&m, root, (char *[]){"https_proxy=http://u:p@x:1", "ALL_PROXY=y", NULL});
    assert_string_equal(m.container, "docker");
    assert_string_equal(m.vpn, "wg0, tun1");
    assert_string_equal(m.proxy_variables, "https_proxy, ALL_PROXY");
    assert_true(m.is_musl && m.is_wsl && m.has_ipv6_route);
    assert_false(m.has_ipv4_route);
    clear(&m);
}

static void test_kubernetes_is_told_by_its_variable(void **state)
{
    (void)state;
    struct machine_fact m = {0};
    machine_read(&m, root, (char *[]){"KUBERNETES_SERVICE_HOST=10.0.0.1", NULL});
    assert_string_equal(m.container, "kubernetes");
    clear(&m);
}

static void test_search_domains(void **state)
{
    (void)state;
    struct machine_fact m = {0};
    auto_free char *path = xformat("%s/etc/resolv.conf", root);
    machine_read_search(&m, path);
    assert_null(m.search);
    assert_int_equal(m.ndots, 1);
    put("/etc/resolv.conf", "search old.test\nnameserver 10.0.0.1\nsearch a.test b.test\n"
                            "options timeout:1 ndots:5\n");
    machine_read_search(&m, path);
    assert_string_equal(m.search, "a.test, b.test");
    assert_int_equal(m.ndots, 5);
    free(m.search);
}

/* --- who listens --- */

#define HEAD "  sl  local_address rem_address   st tx_queue rx_queue tr tm->when retrnsmt   uid\n"

static bool find(const char *address, char **name, int64_t *pid)
{
    struct address at;
    assert_true(address_parse(address, 27017, &at));
    return machine_find_listener(root, &at, name, pid);
}

static void test_the_program_that_listens(void **state)
{
    (void)state;
    char *name = NULL;
    int64_t pid = 0;
    auto_free char *link = xformat("%s/proc/77/fd/5", root);
    put("/proc/net/tcp", HEAD
        "   0: 0100007F:6989 00000000:0000 0A 00000000:00000000 00:00000000 00000000  0 0 4711 1\n"
        "   1: 0100007F:698A 00000000:0000 01 00000000:00000000 00:00000000 00000000  0 0 4712 "
        "1\n");
    put("/proc/77/comm", "mongod\n");
    put("/proc/77/fd/1", "");
    put("/proc/8/fd/1", "");
    assert_int_equal(symlink("socket:[4711]", link), 0);
    assert_true(find("127.0.0.1:27017", &name, &pid));
    assert_string_equal(name, "mongod");
    assert_int_equal(pid, 77);
    free(name);
    assert_false(find("127.0.0.1:27018", &name, &pid)); /* a connection, no listener */
    assert_false(find("127.0.0.2:27017", &name, &pid));
    assert_false(find("[::1]:27017", &name, &pid));
}

static void test_one_that_listens_everywhere(void **state)
{
    (void)state;
    char *name = NULL;
    int64_t pid = 0;
    auto_free char *link = xformat("%s/proc/77/fd/5", root);
    put("/proc/net/tcp6",
        HEAD "   0: 00000000000000000000000000000000:6989 00000000000000000000000000000000:0000 0A "
             "00000000:00000000 00:00000000 00000000  0 0 4711 1\n");
    put("/proc/77/comm", "mongod\n");
    put("/proc/77/fd/1", "");
    assert_int_equal(symlink("socket:[4711]", link), 0);
    assert_true(find("127.0.0.1:27017", &name, &pid));
    free(name);
    assert_true(find("[::1]:27017", &name, &pid));
    free(name);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(test_an_ordinary_machine, make_root, remove_root),
        cmocka_unit_test_setup_teardown(test_a_machine_with_everything, make_root, remove_root),
        cmocka_unit_test_setup_teardown(test_kubernetes_is_told_by_its_variable, make_root,
                                        remove_root),
        cmocka_unit_test_setup_teardown(test_search_domains, make_root, remove_root),
        cmocka_unit_test_setup_teardown(test_the_program_that_listens, make_root, remove_root),
        cmocka_unit_test_setup_teardown(test_one_that_listens_everywhere, make_root, remove_root),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

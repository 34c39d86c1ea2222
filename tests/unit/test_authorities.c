/* SPDX-License-Identifier: Apache-2.0 */
/* links: drover_lib_http */
#include "tests/unit/check.h"

#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "lib/file.h"
#include "lib/http/authorities.h"

/* A host's root folder, below the working folder. */
#define ROOT "authorities-root"

static void put(const char *name, const char *text)
{
    struct dr_err err = DR_ERR_INIT;
    char path[300];
    char *slash;

    snprintf(path, sizeof path, ROOT "%s", name);
    slash = strrchr(path, '/');
    *slash = '\0';
    check_ok(dr_file_make_folder(path, 0755, &err), &err);
    *slash = '/';
    check_ok(dr_file_save(path, 0644, text, strlen(text), &err), &err);
}

static int begin(void **state)
{
    (void)state;
    unsetenv("SSL_CERT_FILE");
    unsetenv("SSL_CERT_DIR");
    return system("rm -rf " ROOT " && mkdir " ROOT);
}

static int end(void **state)
{
    return begin(state) == 0 ? rmdir(ROOT) : -1;
}

/* What is trusted, as "file|folder|pem". */
static void check(const char *ca_pem, const char *expected)
{
    dr_auto_authorities struct dr_authorities found = {0};
    const struct dr_http_options options = {.ca_pem = ca_pem};
    struct dr_err err = DR_ERR_INIT;
    char text[500];

    check_ok(dr_authorities_find(&found, ROOT, &options, &err), &err);
    snprintf(text, sizeof text, "%s|%s|%s", found.file ? found.file : "",
             found.folder ? found.folder : "", found.pem ? found.pem : "");
    assert_string_equal(text, expected);
}

static void a_host_without_any_trusts_nobody(void **state)
{
    (void)state;
    check(NULL, "||");
    check("OWN", "||OWN");
}

static void the_usual_places_of_each_distribution(void **state)
{
    (void)state;
    put("/etc/ssl/cert.pem", "BSD");
    check(NULL, ROOT "/etc/ssl/cert.pem||");
    put("/etc/pki/ca-trust/extracted/pem/tls-ca-bundle.pem", "RHEL");
    check(NULL, ROOT "/etc/pki/ca-trust/extracted/pem/tls-ca-bundle.pem||");
    put("/etc/ssl/ca-bundle.pem", "SUSE");
    check(NULL, ROOT "/etc/ssl/ca-bundle.pem||");
    put("/etc/pki/tls/certs/ca-bundle.crt", "FEDORA");
    check(NULL, ROOT "/etc/pki/tls/certs/ca-bundle.crt||");
    put("/etc/ssl/certs/ca-certificates.crt", "DEBIAN");
    check(NULL, ROOT "/etc/ssl/certs/ca-certificates.crt||");
    put("/etc/ssl/certs/0a1b2c3d.0", "HASHED");
    check(NULL, ROOT "/etc/ssl/certs/ca-certificates.crt|" ROOT "/etc/ssl/certs|");
}

static void a_folder_without_hashes_is_none(void **state)
{
    (void)state;
    put("/etc/ssl/certs/site.pem", "x");
    put("/etc/ssl/certs/0a1b2c3.0", "x");
    put("/etc/ssl/certs/0a1b2c3d.crt", "x");
    check(NULL, "||");
}

static void ones_own_ca_is_added(void **state)
{
    (void)state;
    put("/etc/pki/tls/certs/ca-bundle.crt", "FEDORA");
    check("OWN", "||OWN\nFEDORA");
    put("/etc/pki/tls/certs/0a1b2c3d.0", "HASHED");
    check("OWN", "|" ROOT "/etc/pki/tls/certs|OWN");
}

static void the_environment_stands_for_the_host(void **state)
{
    (void)state;
    put("/etc/ssl/certs/ca-certificates.crt", "DEBIAN");
    put("/etc/ssl/certs/0a1b2c3d.0", "HASHED");
    put("/site.pem", "SITE");
    setenv("SSL_CERT_FILE", ROOT "/site.pem", 1);
    check(NULL, ROOT "/site.pem||");
    check("OWN", "||OWN\nSITE");
    setenv("SSL_CERT_DIR", "/a:/b", 1);
    check(NULL, ROOT "/site.pem|/a:/b|");
    check("OWN", "|/a:/b|OWN\nSITE");
    setenv("SSL_CERT_FILE", "", 1);
    check(NULL, "|/a:/b|");
    check("OWN", "|/a:/b|OWN");
}

static void what_is_given_must_be_readable(void **state)
{
    dr_auto_authorities struct dr_authorities found = {0};
    struct dr_err err = DR_ERR_INIT;

    (void)state;
    check_fails(
        dr_authorities_find(&found, ROOT, &(struct dr_http_options){.ca_file = ROOT "/none"}, &err),
        &err, DR_ERR_IO, "the CA that was given: open '" ROOT "/none'");
    setenv("SSL_CERT_FILE", ROOT "/gone", 1);
    check_fails(dr_authorities_find(&found, ROOT, &(struct dr_http_options){.ca_pem = "OWN"}, &err),
                &err, DR_ERR_IO, "the CAs of this host: open '" ROOT "/gone'");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup(a_host_without_any_trusts_nobody, begin),
        cmocka_unit_test_setup(the_usual_places_of_each_distribution, begin),
        cmocka_unit_test_setup(a_folder_without_hashes_is_none, begin),
        cmocka_unit_test_setup(ones_own_ca_is_added, begin),
        cmocka_unit_test_setup(the_environment_stands_for_the_host, begin),
        cmocka_unit_test_setup(what_is_given_must_be_readable, begin),
    };

    return cmocka_run_group_tests(tests, NULL, end);
}

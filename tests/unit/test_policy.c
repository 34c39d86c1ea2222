/* SPDX-License-Identifier: Apache-2.0 */
/* links: drover_bundle_file */
#include "tests/unit/check.h"

#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include "bundle/file/channel.h"
#include "bundle/file/policy.h"
#include "bundle/file/state.h"
#include "bundle/file/trust_folder.h"
#include "lib/cleanup.h"
#include "lib/file.h"
#include "lib/text.h"

#define NOW INT64_C(1464286418)
#define DAY INT64_C(86400)

static char folder[200];

static int setup(void **state)
{
    (void)state;
    snprintf(folder, sizeof folder, "/tmp/drover-policy-XXXXXX");
    return mkdtemp(folder) && chdir(folder) == 0 ? 0 : -1;
}

static int teardown(void **state)
{
    char command[300];

    (void)state;
    snprintf(command, sizeof command, "rm -r %s", folder);
    return chdir("/") == 0 && system(command) == 0 ? 0 : -1;
}

static void put(const char *path, const char *text)
{
    assert_int_equal(dr_file_save(path, 0644, text, strlen(text), NULL), 0);
}

/* Created at NOW with the serial 5, in "default", by key 1. */
static struct dr_bundle_about bundle_of(uint64_t serial, unsigned char content)
{
    return (struct dr_bundle_about){
        .channel = "default",
        .created = "2016-05-26T18:13:38Z",
        .created_at = NOW,
        .serial = serial,
        .sums = {.bytes = {content}},
        .whole = {.bytes = {content}},
        .signers = {.ids = {{.bytes = {1}}}, .count = 1},
    };
}

static void times_are_checked_unless_the_clock_is_not_believed(void **state)
{
    struct dr_bundle_about about = bundle_of(5, 1);
    struct dr_bundle_trust trust = {.now = NOW};
    struct dr_err err = DR_ERR_INIT;

    (void)state;
    check_ok(dr_policy_check(&trust, &about, &err), &err);
    trust.now = NOW - 1;
    check_fails(dr_policy_check(&trust, &about, &err), &err, DR_ERR_REFUSED, "clock is wrong");
    trust.max_clock_skew = 1;
    check_ok(dr_policy_check(&trust, &about, &err), &err);
    about.expires = "2016-05-27T18:13:38Z";
    about.expires_at = NOW + DAY;
    trust.now = NOW + DAY + 1;
    check_ok(dr_policy_check(&trust, &about, &err), &err);
    trust.now = NOW + DAY + 2;
    check_fails(dr_policy_check(&trust, &about, &err), &err, DR_ERR_REFUSED, "expired at 2016-05");
    about.expires = NULL;
    trust.max_age = DAY;
    check_fails(dr_policy_check(&trust, &about, &err), &err, DR_ERR_REFUSED, "longer ago than");
    trust.now--;
    check_ok(dr_policy_check(&trust, &about, &err), &err);
    trust.now = 0;
    trust.ignore_clock = true;
    check_ok(dr_policy_check(&trust, &about, &err), &err);
}

static void another_channel_is_refused(void **state)
{
    const struct dr_bundle_about about = bundle_of(5, 1);
    struct dr_bundle_trust trust = {.now = NOW, .channel = "production", .min_serial = 6};
    struct dr_err err = DR_ERR_INIT;

    (void)state;
    check_fails(dr_policy_check(&trust, &about, &err), &err, DR_ERR_REFUSED,
                "is of the channel 'default', and 'production' is taken here");
    trust.channel = "default";
    check_fails(dr_policy_check(&trust, &about, &err), &err, DR_ERR_REFUSED,
                "below the min_serial");
}

/* As one run of a command: open, compare, write down. */
static int import_at(uint64_t serial, unsigned char content, int64_t now, bool first, bool older,
                     struct dr_err *err)
{
    dr_auto_state struct dr_state state = DR_STATE_INIT;
    const struct dr_bundle_about about = bundle_of(serial, content);
    const struct dr_bundle_trust trust = {.now = now, .state = &state};

    state.first_import = first;
    state.allow_downgrade = older;
    if (dr_state_open(&state, folder, true, err) < 0 || dr_policy_check(&trust, &about, err) < 0)
        return -1;
    return dr_state_record(&state, now, err);
}

static uint64_t stored_serial(void)
{
    dr_auto_buf struct dr_buf text = DR_BUF_INIT(65536);
    const char *serial;

    assert_int_equal(dr_file_read("state.json", &text, NULL), 0);
    serial = strstr(text.data, "\"serial\": ");
    assert_non_null(serial);
    return strtoull(serial + strlen("\"serial\": "), NULL, 10);
}

static void serials_only_grow(void **state)
{
    struct dr_err err = DR_ERR_INIT;

    (void)state;
    check_fails(import_at(5, 1, NOW, false, false, &err), &err, DR_ERR_REFUSED, "--first-import");
    assert_int_equal(access("state.json", F_OK), -1);
    check_ok(import_at(5, 1, NOW, true, false, &err), &err);
    check_ok(import_at(5, 1, NOW, false, false, &err), &err);
    check_fails(import_at(5, 2, NOW, false, true, &err), &err, DR_ERR_REFUSED, "TWO BUNDLES");
    check_fails(import_at(4, 3, NOW, true, false, &err), &err, DR_ERR_REFUSED, "--allow-downgrade");
    check_ok(import_at(4, 3, NOW, false, true, &err), &err);
    assert_int_equal(stored_serial(), 5);
    check_ok(import_at(7, 4, NOW + DAY, false, false, &err), &err);
    assert_int_equal(stored_serial(), 7);
    /* A clock that says that the last import is still to come. */
    check_fails(import_at(8, 5, NOW + DAY - 1, false, false, &err), &err, DR_ERR_REFUSED,
                "the last bundle was taken at 2016-05-27");
}

static void a_damaged_or_foreign_state_is_refused(void **state)
{
    static const char *const texts[] = {
        "",
        "{",
        "[]",
        "{\"format\": 2, \"channels\": {}}",
        "{\"format\": 1}",
        "{\"format\": 1, \"channels\": {\"default\": {}}}",
        "{\"format\": 1, \"channels\": {\"default\": {\"serial\": -1, \"sums\": \"\", "
        "\"imported\": \"\"}}}",
        "{\"format\": 1, \"channels\": {\"default\": {\"serial\": 1, \"sums\": \"x\", "
        "\"imported\": \"2016-05-27T18:13:38Z\"}}}",
    };
    struct dr_err err = DR_ERR_INIT;

    (void)state;
    for (size_t i = 0; i < sizeof texts / sizeof *texts; i++) {
        put("state.json", texts[i]);
        check_fails(import_at(5, 1, NOW, true, true, &err), &err, DR_ERR_FORMAT, "docs/trust.md");
    }
    put("state.json", "{\"format\": 1, \"channels\": {}}");
    chmod("state.json", 0666);
    check_fails(import_at(5, 1, NOW, true, true, &err), &err, DR_ERR_REFUSED, "written by others");
    chmod("state.json", 0644);
    check_ok(import_at(5, 1, NOW, true, true, &err), &err);
    chmod(".", 0777);
    check_fails(import_at(5, 1, NOW, true, true, &err), &err, DR_ERR_REFUSED, "written by others");
    chmod(".", 0700);
}

static void two_runs_do_not_take_at_once(void **state)
{
    dr_auto_state struct dr_state first = DR_STATE_INIT;
    dr_auto_state struct dr_state look = DR_STATE_INIT;
    struct dr_err err = DR_ERR_INIT;

    (void)state;
    check_ok(dr_state_open(&first, folder, true, &err), &err);
    check_ok(dr_state_open(&look, folder, false, &err), &err);
    check_fails(import_at(5, 1, NOW, true, false, &err), &err, DR_ERR_REFUSED, "another drover");
}

static void channel_conf_says_what_it_understands(void **state)
{
    static const struct {
        const char *text, *expected;
    } rows[] = {
        {"threshold = 0", "line 1: threshold: no signature"},
        {"threshold = -1", "line 1: threshold: '-1' is not a number"},
        {"\nthreshold = 2\nthreshold = 2", "line 3: 'threshold' is said twice"},
        {"treshold = 2", "'treshold' is no key"},
        {"threshold 2", "not of the form"},
        {"channel = a b", "no name for a channel"},
        {"channel =", "no name for a channel"},
        {"channel = ../x", "no name for a channel"},
        {"max_age = 90 days", "line 1: max_age"},
        {"max_age = d", "no span"},
        {"max_clock_skew = 99999999999999999999s", "line 1: max_clock_skew"},
        {"min_serial = 9223372036854775808", "line 1: min_serial"},
    };
    struct dr_channel channel;
    struct dr_err err = DR_ERR_INIT;

    (void)state;
    check_ok(dr_channel_read("channel.conf", &channel, &err), &err);
    assert_string_equal(channel.name, "default");
    assert_int_equal(channel.threshold, 1);
    assert_int_equal(channel.max_clock_skew, 300);
    put("channel.conf", "# ours\n\n channel = site-1.prod \r\nthreshold=2\nmax_age = 90d\n"
                        "max_clock_skew = 12h\nmin_serial = 7");
    check_ok(dr_channel_read("channel.conf", &channel, &err), &err);
    assert_string_equal(channel.name, "site-1.prod");
    assert_int_equal(channel.threshold, 2);
    assert_int_equal(channel.max_age, 90 * DAY);
    assert_int_equal(channel.max_clock_skew, 12 * 3600);
    assert_int_equal(channel.min_serial, 7);
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        put("channel.conf", rows[i].text);
        check_fails(dr_channel_read("channel.conf", &channel, &err), &err, DR_ERR_FORMAT,
                    rows[i].expected);
    }
}

static void put_key(const char *path, const struct dr_key *key)
{
    dr_auto_buf struct dr_buf pem = DR_BUF_INIT(65536);

    assert_int_equal(dr_key_public_pem(key, &pem, NULL), 0);
    assert_int_equal(dr_file_save(path, 0644, pem.data, pem.size, NULL), 0);
}

static int read_folder(size_t *ret_keys, size_t *ret_revoked, struct dr_err *err)
{
    dr_auto_trust_folder struct dr_trust_folder trust = {.key_count = 0};

    if (dr_trust_folder_read(folder, &trust, err) < 0)
        return -1;
    *ret_keys = trust.key_count;
    *ret_revoked = trust.revoked_count;
    return 0;
}

static void revoke_key(const struct dr_key *key)
{
    struct dr_digest id;
    char hex[DR_DIGEST_TEXT];
    char path[100];

    assert_int_equal(dr_key_id(key, &id, NULL), 0);
    snprintf(path, sizeof path, "revoked.d/%s", dr_digest_hex(&id, hex));
    put(path, "");
}

static void the_trust_folder_holds_each_key_once_without_the_revoked(void **state)
{
    dr_auto_key struct dr_key *one = dr_key_new(NULL);
    dr_auto_key struct dr_key *two = dr_key_new_ed25519(NULL);
    struct dr_err err = DR_ERR_INIT;
    size_t keys = 0;
    size_t revoked = 0;

    (void)state;
    check_fails(read_folder(&keys, &revoked, &err), &err, DR_ERR_IO, "trust.d");
    assert_int_equal(mkdir("trust.d", 0755), 0);
    check_fails(read_folder(&keys, &revoked, &err), &err, DR_ERR_REFUSED, "no public key");
    put_key("trust.d/one.pub", one);
    put_key("trust.d/same.pub", one);
    put_key("trust.d/two.pub", two);
    put("trust.d/README", "not a key");
    check_ok(read_folder(&keys, &revoked, &err), &err);
    assert_int_equal(keys, 2);
    put("channel.conf", "threshold = 2");
    assert_int_equal(mkdir("revoked.d", 0755), 0);
    check_ok(read_folder(&keys, &revoked, &err), &err);
    revoke_key(two);
    check_fails(read_folder(&keys, &revoked, &err), &err, DR_ERR_REFUSED, "the signatures of 2");
    put("channel.conf", "threshold = 1");
    check_ok(read_folder(&keys, &revoked, &err), &err);
    assert_int_equal(keys, 1);
    assert_int_equal(revoked, 1);
    put("revoked.d/0123456789abcdef", "");
    check_fails(read_folder(&keys, &revoked, &err), &err, DR_ERR_REFUSED, "64 lower-case hex");
}

static void what_others_may_write_is_not_trusted(void **state)
{
    static const char *const paths[] = {".", "trust.d", "trust.d/one.pub", "revoked.d",
                                        "channel.conf"};
    dr_auto_key struct dr_key *one = dr_key_new(NULL);
    struct dr_err err = DR_ERR_INIT;
    size_t keys = 0;
    size_t revoked = 0;

    (void)state;
    assert_int_equal(mkdir("trust.d", 0755), 0);
    assert_int_equal(mkdir("revoked.d", 0755), 0);
    put_key("trust.d/one.pub", one);
    put("channel.conf", "");
    check_ok(read_folder(&keys, &revoked, &err), &err);
    for (size_t i = 0; i < sizeof paths / sizeof *paths; i++) {
        chmod(paths[i], 0775);
        check_fails(read_folder(&keys, &revoked, &err), &err, DR_ERR_REFUSED, "written by others");
        chmod(paths[i], 0757);
        check_fails(read_folder(&keys, &revoked, &err), &err, DR_ERR_REFUSED, "written by others");
        chmod(paths[i], 0755);
        if (geteuid() == 0) {
            assert_int_equal(chown(paths[i], 12345, 0), 0);
            check_fails(read_folder(&keys, &revoked, &err), &err, DR_ERR_REFUSED, "user 12345");
            assert_int_equal(chown(paths[i], 0, 0), 0);
        }
    }
    assert_int_equal(rename("trust.d/one.pub", "one.pub"), 0);
    assert_int_equal(symlink("../one.pub", "trust.d/one.pub"), 0);
    check_fails(read_folder(&keys, &revoked, &err), &err, DR_ERR_REFUSED, "symbolic link");
    assert_int_equal(unlink("trust.d/one.pub"), 0);
    put("trust.d/one.pub", "nonsense");
    check_fails(read_folder(&keys, &revoked, &err), &err, DR_ERR_FORMAT, "no public key");
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(times_are_checked_unless_the_clock_is_not_believed),
        TEST(another_channel_is_refused),
        TEST(serials_only_grow),
        TEST(a_damaged_or_foreign_state_is_refused),
        TEST(two_runs_do_not_take_at_once),
        TEST(channel_conf_says_what_it_understands),
        TEST(the_trust_folder_holds_each_key_once_without_the_revoked),
        TEST(what_others_may_write_is_not_trusted),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}

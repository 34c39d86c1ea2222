/* SPDX-License-Identifier: Apache-2.0 */
/* links: drover_apply */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "apply/journal.h"
#include "apply/plan.h"
#include "lib/buf.h"
#include "lib/cleanup.h"
#include "lib/file.h"
#include "lib/json.h"

static int remove_folders(void **state)
{
    (void)state;
    return system("rm -rf /tmp/drover-journal-*") == 0 ? 0 : -1;
}

static char *new_folder(char path[64])
{
    snprintf(path, 64, "/tmp/drover-journal-XXXXXX");
    assert_non_null(mkdtemp(path));
    return path;
}

static void it_remembers_what_was_begun_and_done(void **state)
{
    struct dr_err err = DR_ERR_INIT;
    char folder[64];

    (void)state;
    new_folder(folder);
    {
        dr_auto_journal struct dr_journal journal = DR_JOURNAL_INIT;

        assert_int_equal(dr_journal_open(&journal, folder, &err), 0);
        assert_null(journal.state);
        assert_int_equal(dr_journal_start(&journal, json_pack("{s:s}", "mine", "kept"), &err), 0);
        assert_int_equal(dr_journal_step_begun(&journal, "pull", &err), 0);
        assert_int_equal(dr_journal_step_done(&journal, "pull", 1.5, &err), 0);
        assert_int_equal(dr_journal_step_begun(&journal, "stop", &err), 0);
    }
    {
        dr_auto_journal struct dr_journal journal = DR_JOURNAL_INIT;

        assert_int_equal(dr_journal_open(&journal, folder, &err), 0);
        assert_string_equal(dr_json_string_or(journal.state, "mine", ""), "kept");
        assert_true(dr_journal_is_done(&journal, "pull"));
        assert_true(dr_journal_is_begun(&journal, "stop"));
        assert_false(dr_journal_is_done(&journal, "stop"));
        assert_false(dr_journal_is_begun(&journal, "start"));
        assert_int_equal(dr_journal_step_begun(&journal, "pull", &err), 0);
        assert_false(dr_journal_is_done(&journal, "pull"));
    }
}

static void a_finished_one_is_kept_under_another_name(void **state)
{
    struct dr_err err = DR_ERR_INIT;
    dr_auto_journal struct dr_journal journal = DR_JOURNAL_INIT;
    dr_auto_journal struct dr_journal later = DR_JOURNAL_INIT;
    dr_autofree char *path = NULL;
    char folder[64];

    (void)state;
    assert_int_equal(dr_journal_open(&journal, new_folder(folder), &err), 0);
    assert_int_equal(dr_journal_start(&journal, json_object(), &err), 0);
    assert_int_equal(dr_journal_finish(&journal, "finished", &path, &err), 0);
    assert_int_equal(access(path, F_OK), 0);
    assert_int_equal(dr_journal_peek(&later, folder, &err), 0);
    assert_null(later.state);
}

static void only_its_owner_may_read_it(void **state)
{
    struct dr_err err = DR_ERR_INIT;
    dr_auto_journal struct dr_journal journal = DR_JOURNAL_INIT;
    struct stat about;
    char folder[64];

    (void)state;
    assert_int_equal(dr_journal_open(&journal, new_folder(folder), &err), 0);
    assert_int_equal(dr_journal_start(&journal, json_object(), &err), 0);
    assert_int_equal(stat(journal.path, &about), 0);
    assert_int_equal(about.st_mode & 0777, 0600);
}

static void two_cannot_hold_it(void **state)
{
    struct dr_err err = DR_ERR_INIT;
    dr_auto_journal struct dr_journal first = DR_JOURNAL_INIT;
    dr_auto_journal struct dr_journal second = DR_JOURNAL_INIT;
    char folder[64];

    (void)state;
    assert_int_equal(dr_journal_open(&first, new_folder(folder), &err), 0);
    assert_int_equal(dr_journal_open(&second, folder, &err), -1);
    assert_int_equal(err.code, DR_ERR_REFUSED);
    assert_non_null(strstr(err.text, "another drover"));
}

static void looking_makes_nothing(void **state)
{
    struct dr_err err = DR_ERR_INIT;
    dr_auto_journal struct dr_journal journal = DR_JOURNAL_INIT;
    char folder[64];
    char missing[80];

    (void)state;
    snprintf(missing, sizeof missing, "%s/state", new_folder(folder));
    assert_int_equal(dr_journal_peek(&journal, missing, &err), 0);
    assert_null(journal.state);
    assert_int_equal(access(missing, F_OK), -1);
}

static void one_of_another_drover_is_not_touched(void **state)
{
    static const char *const rows[] = {"{\"format\":2,\"steps\":{}}", "{\"format\":1}", "{", "[]"};

    (void)state;
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        struct dr_err err = DR_ERR_INIT;
        dr_auto_journal struct dr_journal journal = DR_JOURNAL_INIT;
        dr_autofree char *path = NULL;
        char folder[64];

        path = dr_file_join(new_folder(folder), "apply.json", &err);
        assert_int_equal(dr_file_save(path, 0600, rows[i], strlen(rows[i]), &err), 0);
        assert_int_equal(dr_journal_open(&journal, folder, &err), -1);
        assert_int_equal(err.code, DR_ERR_FORMAT);
    }
}

/* ---- the table */

static char *print_table(const json_t *rows, const struct dr_column *columns)
{
    char *text = NULL;
    size_t size = 0;
    FILE *out = open_memstream(&text, &size);

    assert_non_null(out);
    dr_plan_table(out, rows, columns);
    fclose(out);
    return text;
}

static void a_table_is_aligned_and_wrapped_between_words(void **state)
{
    static const struct dr_column columns[] = {{"A", "a", 0, true},
                                               {"WORDS", "b", 9, false},
                                               {"C", "c", 0, false},
                                               {NULL, NULL, 0, false}};
    json_auto_t *rows = json_loads("[{\"a\":\"x\",\"b\":\"one two three\",\"c\":\"1\"},"
                                   "{\"a\":\"x\",\"b\":\"\",\"c\":\"2\"},"
                                   "{\"a\":\"y\",\"b\":\"h\\u00e4user\",\"c\":\"\\u001b[31m\"},"
                                   "{\"b\":\"reg:5000/a/b\"}]",
                                   0, NULL);
    dr_autofree char *text = NULL;

    (void)state;
    assert_non_null(rows);
    text = print_table(rows, columns);
    assert_string_equal(text, "A  WORDS         C\n"
                              "x  one two       1\n"
                              "   three\n"
                              "\"  -             2\n"
                              "y  h\xc3\xa4user        ?[31m\n"
                              "-  reg:5000/a/b  -\n");
}

static bool mentions(const char *folder, const char *file, const char *word)
{
    struct dr_err err = DR_ERR_INIT;
    dr_autofree char *path = dr_file_join(folder, file, &err);
    dr_auto_buf struct dr_buf text = DR_BUF_INIT(1u << 20);

    return access(path, F_OK) == 0 && dr_file_read(path, &text, &err) == 0 &&
           strstr(text.data, word);
}

static void the_inventory_is_written_once_and_put_away_with_the_rest(void **state)
{
    struct dr_err err = DR_ERR_INIT;
    char folder[64];
    dr_autofree char *path = NULL;

    (void)state;
    new_folder(folder);
    {
        dr_auto_journal struct dr_journal journal = DR_JOURNAL_INIT;

        assert_int_equal(dr_journal_open(&journal, folder, &err), 0);
        assert_int_equal(
            dr_journal_start(&journal, json_pack("{s:{s:s}}", "inventory", "hosts", "herd"), &err),
            0);
        assert_false(mentions(folder, "apply.json", "herd"));
        assert_true(mentions(folder, "inventory.json", "herd"));
        assert_non_null(json_object_get(journal.state, "inventory"));
    }
    {
        dr_auto_journal struct dr_journal journal = DR_JOURNAL_INIT;

        assert_int_equal(dr_journal_open(&journal, folder, &err), 0);
        assert_string_equal(
            dr_json_string_or(json_object_get(journal.state, "inventory"), "hosts", ""), "herd");
        assert_int_equal(dr_journal_step_begun(&journal, "pull", &err), 0);
        assert_false(mentions(folder, "apply.json", "herd"));
        assert_int_equal(dr_journal_finish(&journal, "finished", &path, &err), 0);
    }
    assert_true(mentions(folder, strrchr(path, '/') + 1, "herd"));
    assert_false(mentions(folder, "inventory.json", "herd"));
}

/* Opening, looking and looking for older ones are all refused with these words. */
static void assert_refused(const char *folder, const char *words)
{
    struct dr_err err = DR_ERR_INIT;
    dr_auto_journal struct dr_journal journal = DR_JOURNAL_INIT;
    dr_auto_journal struct dr_journal looking = DR_JOURNAL_INIT;

    assert_int_equal(dr_journal_open(&journal, folder, &err), -1);
    assert_int_equal(err.code, DR_ERR_REFUSED);
    assert_non_null(strstr(err.text, words));
    err = (struct dr_err)DR_ERR_INIT;
    assert_int_equal(dr_journal_peek(&looking, folder, &err), -1);
    assert_int_equal(err.code, DR_ERR_REFUSED);
    assert_null(looking.state);
}

static void a_folder_or_document_that_others_may_change_is_not_believed(void **state)
{
    struct dr_err err = DR_ERR_INIT;
    dr_autofree char *document = NULL;
    char folder[64];
    char link[80];
    char slash[88];

    (void)state;
    document = dr_file_join(new_folder(folder), "apply.json", &err);
    assert_int_equal(dr_file_save(document, 0600, "{\"format\": 1, \"steps\": {}}", 26, &err), 0);
    {
        dr_auto_journal struct dr_journal journal = DR_JOURNAL_INIT;

        assert_int_equal(dr_journal_open(&journal, folder, &err), 0);
        assert_non_null(journal.state);
    }
    snprintf(link, sizeof link, "%s-link", folder);
    snprintf(slash, sizeof slash, "%s/", link);
    assert_int_equal(symlink(folder, link), 0);
    assert_refused(link, "is a symbolic link");
    assert_refused(slash, "is a symbolic link");
    assert_int_equal(chmod(folder, 01777), 0);
    assert_refused(folder, "trust the state folder");
    assert_int_equal(chmod(folder, 0700), 0);
    assert_int_equal(chmod(document, 0620), 0);
    assert_refused(folder, "can be written by others");
    assert_int_equal(chmod(document, 0600), 0);
    if (geteuid() != 0)
        return;
    assert_int_equal(chown(document, 1234, 0), 0);
    assert_refused(folder, "apply.json' belongs to user 1234");
    assert_int_equal(chown(document, 0, 0), 0);
    assert_int_equal(chown(folder, 1234, 0), 0);
    assert_refused(folder, "belongs to user 1234, who could change it");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_inventory_is_written_once_and_put_away_with_the_rest),
        cmocka_unit_test(it_remembers_what_was_begun_and_done),
        cmocka_unit_test(a_finished_one_is_kept_under_another_name),
        cmocka_unit_test(only_its_owner_may_read_it),
        cmocka_unit_test(two_cannot_hold_it),
        cmocka_unit_test(looking_makes_nothing),
        cmocka_unit_test(one_of_another_drover_is_not_touched),
        cmocka_unit_test(a_folder_or_document_that_others_may_change_is_not_believed),
        cmocka_unit_test(a_table_is_aligned_and_wrapped_between_words),
    };

    return cmocka_run_group_tests(tests, NULL, remove_folders);
}

/* SPDX-License-Identifier: Apache-2.0 */
/* links: drover_lib */
/* Two drovers that write the same NAME.part: what the first has made is never emptied by the second. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "lib/file.h"
#include "tests/unit/check.h"

static char folder[] = "/tmp/drover-part-XXXXXX";
static char path[64];
static char draft[72];

/* What happens just before the lock is taken, and just before the file gets its name. */
static void (*before_lock)(void);
static void (*before_rename)(void);

static void happen(void (**what)(void))
{
    void (*now)(void) = *what;

    *what = NULL;
    if (now)
        now();
}

/* Instead of the C library's. */
int flock(int fd, int how)
{
    happen(&before_lock);
    return (int)syscall(SYS_flock, fd, how);
}

int rename(const char *from, const char *to)
{
    happen(&before_rename);
    return (int)syscall(SYS_renameat2, AT_FDCWD, from, AT_FDCWD, to, 0u);
}

static int begin(void **state)
{
    (void)state;
    strcpy(folder + strlen(folder) - 6, "XXXXXX");
    if (!mkdtemp(folder))
        return -1;
    snprintf(path, sizeof path, "%s/file", folder);
    snprintf(draft, sizeof draft, "%s.part", path);
    return 0;
}

static int end(void **state)
{
    (void)state;
    unlink(path);
    unlink(draft);
    return rmdir(folder);
}

static void write_one(struct dr_file *file, const char *text)
{
    struct dr_err err = DR_ERR_INIT;

    check_ok(dr_file_create_part(file, path, 0644, &err), &err);
    check_ok(dr_file_write(file, text, strlen(text), &err), &err);
}

static void check_content(const char *text)
{
    dr_auto_buf struct dr_buf found = DR_BUF_INIT(64);
    struct dr_err err = DR_ERR_INIT;

    check_ok(dr_file_read(path, &found, &err), &err);
    assert_int_equal(found.size, strlen(text));
    assert_memory_equal(found.data, text, found.size);
}

static struct dr_file first = DR_FILE_INIT;

static void commit_first(void)
{
    struct dr_err err = DR_ERR_INIT;

    check_ok(dr_file_commit(&first, &err), &err);
}

static void test_locked(void **state)
{
    dr_auto_file struct dr_file second = DR_FILE_INIT;
    struct dr_err err = DR_ERR_INIT;

    (void)state;
    write_one(&first, "first");
    assert_int_equal(dr_file_create_part(&second, path, 0644, &err), -1);
    assert_int_equal(err.code, DR_ERR_REFUSED);
    assert_non_null(strstr(err.text, "another drover is writing"));
    commit_first();
    check_content("first");
    dr_file_release(&first);
}

/* The second opened the draft, the first gave it its name, the second locks what it opened. */
static void test_ended_before_lock(void **state)
{
    dr_auto_file struct dr_file second = DR_FILE_INIT;
    struct dr_err err = DR_ERR_INIT;

    (void)state;
    write_one(&first, "first");
    before_lock = commit_first;
    assert_int_equal(dr_file_create_part(&second, path, 0644, &err), -1);
    assert_int_equal(err.code, DR_ERR_REFUSED);
    check_content("first");
    dr_file_release(&first);
}

static void open_second(void)
{
    dr_auto_file struct dr_file second = DR_FILE_INIT;
    struct dr_err err = DR_ERR_INIT;

    assert_int_equal(dr_file_create_part(&second, path, 0644, &err), -1);
    assert_int_equal(err.code, DR_ERR_REFUSED);
}

static void test_locked_until_named(void **state)
{
    (void)state;
    write_one(&first, "first");
    before_rename = open_second;
    commit_first();
    check_content("first");
    assert_int_equal(access(draft, F_OK), -1);
    dr_file_release(&first);
}

static void test_left_by_killed(void **state)
{
    (void)state;
    write_one(&first, "much longer than the other");
    close(first.fd);
    free(first.path);
    free(first.draft);
    first = (struct dr_file)DR_FILE_INIT;
    write_one(&first, "short");
    commit_first();
    check_content("short");
    dr_file_release(&first);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(test_locked, begin, end),
        cmocka_unit_test_setup_teardown(test_ended_before_lock, begin, end),
        cmocka_unit_test_setup_teardown(test_locked_until_named, begin, end),
        cmocka_unit_test_setup_teardown(test_left_by_killed, begin, end),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}

/* SPDX-License-Identifier: Apache-2.0 */
/* links: drover_mirror_audit */
#include "tests/unit/check.h"

#include <stdio.h>
#include <string.h>

#include "mirror/audit/destination.h"

/* Where `image` goes in `registry` by these maps (up to three). */
static int place(const char *registry, const char *const maps[3], const char *image,
                 char ret[DR_REFERENCE_TEXT], struct dr_err *err)
{
    dr_auto_destination struct dr_destination destination = DR_DESTINATION_INIT;
    struct dr_reference from;
    struct dr_reference to;
    size_t count = 0;

    while (count < 3 && maps[count])
        count++;
    check_ok(dr_reference_parse(image, &from, NULL), err);
    if (dr_destination_read(registry, maps, count, &destination, err) < 0 ||
        dr_destination_place(&destination, &from, &to, err) < 0)
        return -1;
    dr_reference_text(&to, ret);
    return 0;
}

static void puts_images_where_the_maps_say(void **state)
{
    static const struct {
        const char *registry, *maps[3], *image, *to;
    } rows[] = {
        {"r:5000", {NULL}, "rancher/server:v1", "r:5000/rancher/server:v1"},
        {"r/x/y/", {NULL}, "quay.io/a/b:1", "r/x/y/a/b:1"},
        {"r", {"rancher=infra/rancher"}, "rancher/server:v1", "r/infra/rancher/server:v1"},
        {"r/x", {"docker.io/rancher=infra"}, "rancher/server:v1", "r/x/infra/server:v1"},
        {"r/x", {"rancher/server=up"}, "rancher/server:v1", "r/x/up:v1"},
        {"r", {"quay.io=quay"}, "quay.io/team/app:2", "r/quay/team/app:2"},
        {"r", {"quay.io:443/team=t"}, "quay.io:443/team/app:2", "r/t/app:2"},
        {"r", {"docker.io/library="}, "busybox:1", "r/busybox:1"},
        {"r", {"nginx=web/nginx"}, "nginx:1", "r/web/nginx:1"},
        {"r", {"index.docker.io=hub"}, "nginx:1", "r/hub/library/nginx:1"},
        /* Whole words only, and the same host only. */
        {"r",
         {"ranch=x", "quay.io/rancher=y", "rancher/serve=z"},
         "rancher/server:v1",
         "r/rancher/server:v1"},
        /* The longest OLD, in whatever order. */
        {"r", {"docker.io=a", "rancher/server=c", "rancher=b"}, "rancher/server:v1", "r/c:v1"},
        {"r", {"docker.io=a", "rancher/server=c", "rancher=b"}, "rancher/agent:v1", "r/b/agent:v1"},
        {"r", {"docker.io=a", "rancher/server=c", "rancher=b"}, "x/y:v1", "r/a/x/y:v1"},
    };

    (void)state;
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        struct dr_err err = DR_ERR_INIT;
        char to[DR_REFERENCE_TEXT];

        check_ok(place(rows[i].registry, rows[i].maps, rows[i].image, to, &err), &err);
        assert_string_equal(to, rows[i].to);
    }
}

static void keeps_digests(void **state)
{
    static const char *const maps[3] = {"a=b"};
    static const char digest[] =
        "@sha256:44136fa355b3678a1146ad16f7e8649e94fb4fc21fe77e8310c060f61caaff8a";
    struct dr_err err = DR_ERR_INIT;
    char image[200];
    char to[DR_REFERENCE_TEXT];

    (void)state;
    snprintf(image, sizeof image, "a/c%s", digest);
    check_ok(place("r", maps, image, to, &err), &err);
    assert_true(strncmp(to, "r/b/c@sha256:44136fa", 20) == 0);
}

static void refuses_maps_that_mean_nothing(void **state)
{
    static const struct {
        const char *maps[3], *text;
    } rows[] = {
        {{"rancher"}, "wants OLD=NEW"},
        {{"=x"}, "not what image names begin with"},
        {{"quay.io/=x"}, "not what image names begin with"},
        {{"Rancher=x"}, "not what image names begin with"},
        {{"rancher/server:v1=x"}, "not what image names begin with"},
        {{"rancher=/x"}, "no path in a registry"},
        {{"rancher=x/"}, "no path in a registry"},
        {{"rancher=other:5000/x"}, "no path in a registry"},
        {{"rancher=a=b"}, "no path in a registry"},
        {{"rancher=a", "docker.io/rancher=b"}, "about the same names"},
        {{"rancher/server="}, "leaves nothing of the name"},
    };

    (void)state;
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        struct dr_err err = DR_ERR_INIT;
        char to[DR_REFERENCE_TEXT];

        check_fails(place("r", rows[i].maps, "rancher/server:v1", to, &err), &err, DR_ERR_USAGE,
                    rows[i].text);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(puts_images_where_the_maps_say),
        cmocka_unit_test(keeps_digests),
        cmocka_unit_test(refuses_maps_that_mean_nothing),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}

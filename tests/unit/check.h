/* SPDX-License-Identifier: Apache-2.0 */
#ifndef DROVER_TESTS_UNIT_CHECK_H
#define DROVER_TESTS_UNIT_CHECK_H

/* What every unit test includes: cmocka with what it needs, and checks that show drover's error
 * text. */

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <string.h>

#include "lib/err.h"

/* `call` must return 0; the error's text is shown when it does not. */
#define check_ok(call, err)                                                                        \
    do {                                                                                           \
        if ((call) < 0)                                                                            \
            fail_msg("%s: %s", #call, (err)->text);                                                \
    } while (0)

/* `call` must return -1 with this code, and its text must contain `part`. */
#define check_fails(call, err, expected, part)                                                     \
    do {                                                                                           \
        (err)->code = DR_OK;                                                                       \
        (err)->text[0] = '\0';                                                                     \
        assert_int_equal((call), -1);                                                              \
        assert_int_equal((err)->code, (expected));                                                 \
        if (!strstr((err)->text, (part)))                                                          \
            fail_msg("%s: '%s' does not say '%s'", #call, (err)->text, (part));                    \
    } while (0)

#endif

/* SPDX-License-Identifier: Apache-2.0 */
#include "apply/findings.h"

#include <stdarg.h>
#include <string.h>

#include "apply/plan.h"
#include "lib/json.h"
#include "lib/text.h"

static const char *const names[] = {
    [DR_FINDING_OK] = "ok",
    [DR_FINDING_WARNING] = "warning",
    [DR_FINDING_PROBLEM] = "problem",
};

int dr_findings_add(json_t *findings, enum dr_finding result, const char *check, struct dr_err *err,
                    const char *format, ...)
{
    char text[DR_ERR_TEXT_MAX];
    va_list list;

    va_start(list, format);
    vsnprintf(text, sizeof text, format, list);
    va_end(list);
    dr_text_clean(text);
    return dr_json_append(
        findings,
        json_pack("{s:s, s:s, s:s}", "check", check, "result", names[result], "text", text), err);
}

int dr_findings_fail(json_t *findings, const char *check, const struct dr_err *why,
                     struct dr_err *err)
{
    if (why->code == DR_ERR_STOPPED)
        return dr_fail(err, DR_ERR_STOPPED, "%s", why->text);
    return dr_findings_add(findings, DR_FINDING_PROBLEM, check, err, "%s", why->text);
}

size_t dr_findings_count(const json_t *findings, enum dr_finding result)
{
    size_t count = 0;
    json_t *finding;
    size_t i;

    json_array_foreach(findings, i, finding) count +=
        strcmp(dr_json_string_or(finding, "result", ""), names[result]) == 0;
    return count;
}

static int print_json(FILE *out, json_t *findings, struct dr_err *err)
{
    json_auto_t *all =
        json_pack("{s:O, s:I, s:I}", "findings", findings, "problems",
                  (json_int_t)dr_findings_count(findings, DR_FINDING_PROBLEM), "warnings",
                  (json_int_t)dr_findings_count(findings, DR_FINDING_WARNING));

    if (!all)
        return dr_fail_memory(err);
    return dr_json_print(all, out, err);
}

int dr_findings_print(FILE *out, json_t *findings, bool json, struct dr_err *err)
{
    static const struct dr_column columns[] = {
        {"", "result", 0, false},
        {"CHECK", "check", 0, true},
        {"WHAT", "text", 78, false},
        {NULL, NULL, 0, false},
    };

    if (json)
        return print_json(out, findings, err);
    dr_plan_table(out, findings, columns);
    return 0;
}

/* SPDX-License-Identifier: Apache-2.0 */
#include <string.h>
#include <strings.h>

#include "lib/http/http.h"

void dr_http_response_release(struct dr_http_response *response)
{
    dr_buf_release(&response->headers);
    dr_buf_release(&response->body);
}

/* NULL: that was the last one. */
static const char *next_line(const char *line)
{
    const char *end = strchr(line, '\n');

    return end ? end + 1 : NULL;
}

bool dr_http_header(const struct dr_http_response *response, const char *name, unsigned index,
                    char *ret_value, size_t room)
{
    size_t length = strlen(name);
    const char *line = response->headers.data;

    for (; line && *line; line = next_line(line)) {
        const char *value = line + length + 1;
        size_t size;

        if (strncasecmp(line, name, length) != 0 || line[length] != ':' || index-- > 0)
            continue;
        value += strspn(value, " \t");
        size = strcspn(value, "\n");
        while (size > 0 && strchr(" \t\r", value[size - 1]))
            size--;
        if (size >= room)
            return false;
        memcpy(ret_value, value, size);
        ret_value[size] = '\0';
        return true;
    }
    return false;
}

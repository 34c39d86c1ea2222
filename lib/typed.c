/* SPDX-License-Identifier: Apache-2.0 */
#include "lib/typed.h"

#include <ctype.h>
#include <stdio.h>
#include <string.h>

#define LINE_BYTES 15
#define LINE_SYMBOLS 24 /* of 5 bits */
#define CHECKS 2
#define LABEL 2

/* Places in the code word: 24 symbols, two checks, then the two digits of the line's number. Below 31, so that each
 * has a power of its own. */
#define CHECK_PLACE LINE_SYMBOLS
#define LABEL_PLACE (CHECK_PLACE + CHECKS)

static const char alphabet[] = "0123456789ABCDEFGHJKMNPQRSTVWXYZ";

/* ---- GF(32), by x^5 + x^2 + 1 */

static unsigned times(unsigned a, unsigned b)
{
    unsigned product = 0;

    for (unsigned bit = 0; bit < 5; bit++) {
        if (b & (1u << bit))
            product ^= a << bit;
    }
    for (unsigned bit = 8; bit >= 5; bit--) {
        if (product & (1u << bit))
            product ^= 0x25u << (bit - 5);
    }
    return product;
}

static unsigned power(size_t exponent)
{
    unsigned value = 1;

    for (size_t i = 0; i < exponent; i++)
        value = times(value, 2);
    return value;
}

static unsigned divide(unsigned a, unsigned b)
{
    unsigned quotient = 0;

    while (times(quotient, b) != a)
        quotient++;
    return quotient;
}

/* One line as symbols. */
struct word {
    unsigned symbols[LINE_SYMBOLS];
    size_t count;
    unsigned checks[CHECKS];
    unsigned number;
};

/* Zero and zero for a good line. */
static void weigh(const struct word *word, unsigned ret[2])
{
    const unsigned label[LABEL] = {word->number / 10, word->number % 10};

    ret[0] = ret[1] = 0;
    for (size_t i = 0; i < word->count; i++) {
        ret[0] ^= word->symbols[i];
        ret[1] ^= times(word->symbols[i], power(i));
    }
    for (size_t i = 0; i < CHECKS; i++) {
        ret[0] ^= word->checks[i];
        ret[1] ^= times(word->checks[i], power(CHECK_PLACE + i));
    }
    for (size_t i = 0; i < LABEL; i++) {
        ret[0] ^= label[i];
        ret[1] ^= times(label[i], power(LABEL_PLACE + i));
    }
}

static void make_checks(struct word *word)
{
    unsigned sum[2];

    word->checks[0] = word->checks[1] = 0;
    weigh(word, sum);
    word->checks[1] = divide(sum[1] ^ times(sum[0], power(CHECK_PLACE)),
                             power(CHECK_PLACE) ^ power(CHECK_PLACE + 1));
    word->checks[0] = sum[0] ^ word->checks[1];
}

/* ---- writing */

static size_t symbols_of(size_t bytes)
{
    return (8 * bytes + 4) / 5;
}

static void split(const unsigned char *bytes, size_t size, struct word *word)
{
    word->count = symbols_of(size);
    for (size_t i = 0; i < word->count; i++) {
        word->symbols[i] = 0;
        for (size_t bit = 5 * i; bit < 5 * i + 5; bit++) {
            unsigned value = bit < 8 * size ? bytes[bit / 8] >> (7 - bit % 8) & 1u : 0;

            word->symbols[i] = word->symbols[i] << 1 | value;
        }
    }
}

static int write_word(const struct word *word, bool wide, struct dr_buf *to, struct dr_err *err)
{
    if (dr_buf_printf(to, err, "%02u%s", word->number, wide ? " " : "") < 0)
        return -1;
    for (size_t i = 0; i < word->count; i++) {
        if (dr_buf_printf(to, err, "%s%c", wide && i % 4 == 0 ? " " : "",
                          alphabet[word->symbols[i]]) < 0)
            return -1;
    }
    return dr_buf_printf(to, err, "%s%c%c", wide ? "  " : "", alphabet[word->checks[0]],
                         alphabet[word->checks[1]]);
}

int dr_typed_write(const void *bytes, size_t size, bool wide, struct dr_buf *ret_text,
                   struct dr_err *err)
{
    const unsigned char *at = bytes;
    struct word word = {.number = 0};

    if (size > DR_TYPED_BYTES_MAX)
        return dr_fail(err, DR_ERR_REFUSED, "it would be a code of more than %d lines",
                       DR_TYPED_LINES_MAX);
    for (size_t done = 0; done < size; done += LINE_BYTES) {
        size_t left = size - done;

        split(at + done, left < LINE_BYTES ? left : LINE_BYTES, &word);
        word.number++;
        make_checks(&word);
        if (write_word(&word, wide, ret_text, err) < 0 || dr_buf_add_text(ret_text,
                                                                          wide                ? "\n"
                                                                          : left > LINE_BYTES ? "/"
                                                                                              : "",
                                                                          err) < 0)
            return -1;
    }
    return 0;
}

/* ---- reading */

/* -1: no character of a code. */
static int value_of(char c)
{
    const char *place;

    switch (toupper((unsigned char)c)) {
    case 'O':
        return 0;
    case 'I':
    case 'L':
        return 1;
    default:
        place = c ? strchr(alphabet, toupper((unsigned char)c)) : NULL;
        return place ? (int)(place - alphabet) : -1;
    }
}

/* One line of what was typed. */
struct typed {
    unsigned values[LABEL + LINE_SYMBOLS + CHECKS + 1];
    char typed[LABEL + LINE_SYMBOLS + CHECKS + 1];
    size_t count;
};

static int fail_character(unsigned line, char c, struct dr_err *err)
{
    if (c > ' ' && c <= '~')
        return dr_fail(err, DR_ERR_FORMAT, "line %u: '%c' is no character of a code", line, c);
    return dr_fail(err, DR_ERR_FORMAT, "line %u has a character that is none of a code", line);
}

static int take_line(const char *text, size_t size, unsigned line, struct typed *ret,
                     struct dr_err *err)
{
    ret->count = 0;
    for (size_t i = 0; i < size && text[i] != '#'; i++) {
        int value = value_of(text[i]);

        if (strchr(" \t\r-", text[i]) && text[i])
            continue;
        if (value < 0)
            return fail_character(line, text[i], err);
        if (ret->count == sizeof ret->typed)
            return dr_fail(err, DR_ERR_FORMAT,
                           "line %u has more than the %d characters of a line; each line begins "
                           "with its number",
                           line, LABEL + LINE_SYMBOLS + CHECKS);
        ret->typed[ret->count] = text[i];
        ret->values[ret->count++] = (unsigned)value;
    }
    return 0;
}

static int check_number(const struct typed *typed, unsigned line, struct dr_err *err)
{
    unsigned number = typed->values[0] * 10 + typed->values[1];

    if (typed->count > LABEL && typed->values[0] < 10 && typed->values[1] < 10 && number == line)
        return 0;
    return dr_fail(err, DR_ERR_FORMAT,
                   "line %02u should be here, and there is one that begins with '%c%c'", line,
                   typed->typed[0], typed->count > 1 ? typed->typed[1] : ' ');
}

/* Of one wrong character the weights say which; of more they say anything. */
static int fail_checks(const struct typed *typed, const struct word *word, const unsigned sum[2],
                       struct dr_err *err)
{
    for (size_t place = 0; place < CHECK_PLACE + CHECKS; place++) {
        size_t at = LABEL + (place < CHECK_PLACE ? place : word->count + place - CHECK_PLACE);

        if ((place >= word->count && place < CHECK_PLACE) || !sum[0] ||
            times(sum[0], power(place)) != sum[1])
            continue;
        return dr_fail(err, DR_ERR_FORMAT,
                       "line %02u is not as it was printed; if one character alone is wrong, it is "
                       "character %zu behind the number: '%c' should be '%c'",
                       word->number, at - LABEL + 1, typed->typed[at],
                       alphabet[typed->values[at] ^ sum[0]]);
    }
    return dr_fail(err, DR_ERR_FORMAT,
                   "line %02u is not as it was printed: more than one character is wrong, or some "
                   "changed places",
                   word->number);
}

static int join(const struct word *word, struct dr_buf *to, struct dr_err *err)
{
    unsigned char bytes[LINE_BYTES] = {0};
    size_t size = 5 * word->count / 8;
    bool rest = symbols_of(size) != word->count || size == 0;

    for (size_t bit = 0; bit < 5 * word->count; bit++) {
        unsigned value = word->symbols[bit / 5] >> (4 - bit % 5) & 1u;

        if (bit < 8 * size)
            bytes[bit / 8] = (unsigned char)(bytes[bit / 8] | value << (7 - bit % 8));
        else
            rest = rest || value;
    }
    if (rest)
        return dr_fail(err, DR_ERR_FORMAT, "line %02u is no line of a code", word->number);
    return dr_buf_add(to, bytes, size, err);
}

static int read_word(const struct typed *typed, unsigned line, bool last, struct dr_buf *to,
                     struct dr_err *err)
{
    struct word word = {.number = line};
    unsigned sum[2];

    if (check_number(typed, line, err) < 0)
        return -1;
    if (typed->count <= LABEL + CHECKS || typed->count > LABEL + LINE_SYMBOLS + CHECKS ||
        (!last && typed->count != LABEL + LINE_SYMBOLS + CHECKS))
        return dr_fail(err, DR_ERR_FORMAT,
                       "line %02u has %zu characters behind its number, and should have %d", line,
                       typed->count - LABEL, LINE_SYMBOLS + CHECKS);
    word.count = typed->count - LABEL - CHECKS;
    memcpy(word.symbols, &typed->values[LABEL], word.count * sizeof *word.symbols);
    memcpy(word.checks, &typed->values[LABEL + word.count], sizeof word.checks);
    weigh(&word, sum);
    return sum[0] || sum[1] ? fail_checks(typed, &word, sum, err) : join(&word, to, err);
}

/* The next line that has anything in it; false: there is none. */
static int next_line(const char **text, const char *end, unsigned line, struct typed *ret,
                     struct dr_err *err)
{
    ret->count = 0;
    while (ret->count == 0 && *text < end) {
        const char *stop = *text;
        const char *comment = memchr(*text, '#', (size_t)(end - *text));

        /* What is behind '#' may have a '/' in it. */
        while (stop < end && *stop != '\n' && (*stop != '/' || (comment && stop > comment)))
            stop++;
        if (take_line(*text, (size_t)(stop - *text), line, ret, err) < 0)
            return -1;
        *text = stop < end ? stop + 1 : end;
    }
    return 0;
}

int dr_typed_read(const char *text, size_t size, struct dr_buf *ret_bytes, struct dr_err *err)
{
    const char *end = text + size;
    struct typed now;
    struct typed next;
    unsigned line = 1;

    if (next_line(&text, end, line, &now, err) < 0)
        return -1;
    if (now.count == 0)
        return dr_fail(err, DR_ERR_FORMAT, "there is no code in it");
    for (; now.count > 0; line++, now = next) {
        if (line > DR_TYPED_LINES_MAX)
            return dr_fail(err, DR_ERR_FORMAT, "it has more than %d lines", DR_TYPED_LINES_MAX);
        if (next_line(&text, end, line + 1, &next, err) < 0 ||
            read_word(&now, line, next.count == 0, ret_bytes, err) < 0)
            return -1;
    }
    return 0;
}

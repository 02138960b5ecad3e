/* Runs a plain convolution over test vectors, as a model for other languages.
 *
 *     deconv-ref vectors vectors --op conv
 *     cc -std=c99 -O2 -o conv examples/vectors.c && mkdir results && ./conv vectors results
 *     deconv-ref judge vectors results
 *
 * C99 and nothing else: it reads the index (JSON) and the arrays (.npy), computes every case of the
 * function `conv`, and writes results/<case>.forward.npy. Exit status: 0, or 2 with one line.
 */
#include <ctype.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define AXES 3            /* of space, at most; arrays have two more */
#define LARGEST (1L << 24) /* elements of an array: more is a mistake in the index */

static void fail(const char *format, ...)
{
    va_list arguments;
    va_start(arguments, format);
    fputs("vectors: ", stderr);
    vfprintf(stderr, format, arguments);
    fputc('\n', stderr);
    va_end(arguments);
    exit(2);
}

static void *allocate(size_t count, size_t size)
{
    void *memory = calloc(count ? count : 1, size);
    if (!memory)
        fail("not enough memory");
    return memory;
}

/* Read a file, with a 0 behind its last byte. */
static char *read_file(const char *path, size_t *length)
{
    FILE *file = fopen(path, "rb");
    size_t room = 1 << 16, used = 0, got;
    char *text = allocate(room, 1);
    if (!file)
        fail("cannot read %s", path);
    while ((got = fread(text + used, 1, room - used - 1, file)) > 0) {
        used += got;
        if (room - used < 2) {
            text = realloc(text, room *= 2);
            if (!text)
                fail("not enough memory");
        }
    }
    fclose(file);
    text[used] = 0;
    if (length)
        *length = used;
    return text;
}

/* ---- JSON: as much of it as an index has. A value is a list of its parts. ---- */

struct value {
    char kind;           /* { [ " 0 t f n */
    char *name;          /* of a member of an object */
    char *text;          /* of a string */
    double number;
    struct value *first; /* part */
    struct value *next;
};

static const char *at; /* what is to be read yet */

static void skip_space(void)
{
    while (isspace((unsigned char)*at))
        at++;
}

static void expect(char sign)
{
    skip_space();
    if (*at++ != sign)
        fail("index.json: expected '%c' before: %.20s", sign, at - 1);
}

/* Read a string, which has no line break. Names and paths are ASCII: an escaped sign stands for
 * itself. */
static char *read_string(void)
{
    size_t length = 0;
    char *text;
    expect('"');
    text = allocate(strcspn(at, "\n") + 1, 1);
    while (*at && *at != '\n' && *at != '"') {
        if (*at == '\\' && at[1] && at[1] != '\n')
            at++;
        text[length++] = *at++;
    }
    expect('"');
    return text;
}

static struct value *read_value(void)
{
    struct value *value = allocate(1, sizeof *value), **last = &value->first;
    skip_space();
    value->kind = *at;
    if (*at == '{' || *at == '[') {
        char end = *at++ == '{' ? '}' : ']';
        for (skip_space(); *at != end; skip_space()) {
            char *name = NULL;
            if (last != &value->first)
                expect(',');
            if (end == '}') {
                skip_space();
                name = read_string();
                expect(':');
            }
            *last = read_value();
            (*last)->name = name;
            last = &(*last)->next;
        }
        at++;
    } else if (*at == '"') {
        value->text = read_string();
    } else if (*at == '-' || isdigit((unsigned char)*at)) {
        char *end;
        value->kind = '0';
        value->number = strtod(at, &end);
        at = end;
    } else if (isalpha((unsigned char)*at)) { /* true, false, null */
        while (isalpha((unsigned char)*at))
            at++;
    } else {
        fail("index.json: no value: %.20s", at);
    }
    return value;
}

/* Find a member of an object; NULL if it has none of this name. */
static struct value *member(const struct value *object, const char *name)
{
    struct value *part;
    for (part = object ? object->first : NULL; part; part = part->next)
        if (part->name && !strcmp(part->name, name))
            return part;
    return NULL;
}

static struct value *needed(const struct value *object, const char *name)
{
    struct value *found = member(object, name);
    if (!found)
        fail("index.json: a case lacks %s", name);
    return found;
}

static const char *text_of(const struct value *object, const char *name)
{
    struct value *found = needed(object, name);
    if (!found->text)
        fail("index.json: %s is no text", name);
    return found->text;
}

/* Read a list of numbers; return how many there are. */
static int numbers(const struct value *list, long *into, int most)
{
    struct value *part;
    int count = 0;
    for (part = list->first; part; part = part->next) {
        if (count == most || part->kind != '0')
            fail("index.json: %s: not a list of up to %d numbers", list->name, most);
        into[count++] = (long)part->number;
    }
    return count;
}

/* ---- Arrays ---- */

struct array {
    int axes, wide; /* wide: float64, else float32 */
    long shape[AXES + 2];
    size_t size;
    double *data;
};

static void measure(struct array *array)
{
    int axis;
    array->size = 1;
    for (axis = 0; axis < array->axes; axis++) {
        if (array->shape[axis] < 0 || array->shape[axis] > LARGEST)
            fail("an array has an axis of size %ld", array->shape[axis]);
        array->size *= (size_t)array->shape[axis];
        if (array->size > LARGEST)
            fail("an array is too large");
    }
    array->data = allocate(array->size, sizeof *array->data);
}

/* Read a .npy file of version 1.0: magic, length of the header, header, numbers. */
static struct array read_npy(const char *folder, const struct value *described)
{
    struct array array = {0};
    char path[4096];
    size_t length, start, width, i;
    const char *dtype = text_of(described, "dtype");
    unsigned char *bytes;
    array.wide = !strcmp(dtype, "float64");
    array.axes = numbers(needed(described, "shape"), array.shape, AXES + 2);
    measure(&array);
    if (snprintf(path, sizeof path, "%s/%s", folder, text_of(described, "file")) >= (int)sizeof path)
        fail("a path is too long");
    bytes = (unsigned char *)read_file(path, &length);
    width = array.wide ? 8 : 4;
    start = length < 10 ? length : 10u + bytes[8] + 256u * bytes[9];
    if (length < 10 || memcmp(bytes, "\x93NUMPY\x01", 7) || start + array.size * width != length)
        fail("%s is not the .npy file that the index describes", path);
    for (i = 0; i < array.size; i++) { /* little-endian, on whatever machine */
        const unsigned char *cell = bytes + start + i * width;
        uint64_t bits = 0;
        size_t byte;
        for (byte = 0; byte < width; byte++)
            bits |= (uint64_t)cell[byte] << 8 * byte;
        if (array.wide) {
            memcpy(&array.data[i], &bits, 8);
        } else {
            uint32_t few = (uint32_t)bits;
            float single;
            memcpy(&single, &few, 4);
            array.data[i] = single;
        }
    }
    free(bytes);
    return array;
}

static void write_npy(const char *path, const struct array *array)
{
    FILE *file = fopen(path, "wb");
    char header[256];
    int axis, used;
    size_t i, width = array->wide ? 8 : 4;
    if (!file)
        fail("cannot write %s", path);
    used = snprintf(header, sizeof header, "{'descr': '<f%d', 'fortran_order': False, 'shape': (",
                    (int)width);
    for (axis = 0; axis < array->axes; axis++)
        used += snprintf(header + used, sizeof header - (size_t)used, "%ld, ", array->shape[axis]);
    used += snprintf(header + used, sizeof header - (size_t)used, ")}");
    while ((used + 11) % 64) /* what comes before the numbers is a multiple of 64 bytes */
        header[used++] = ' ';
    header[used++] = '\n';
    fwrite("\x93NUMPY\x01\x00", 1, 8, file);
    fputc(used & 255, file);
    fputc(used >> 8, file);
    fwrite(header, 1, (size_t)used, file);
    for (i = 0; i < array->size; i++) {
        float single = (float)array->data[i];
        uint64_t bits = 0;
        uint32_t few;
        size_t byte;
        if (array->wide) {
            memcpy(&bits, &array->data[i], 8);
        } else {
            memcpy(&few, &single, 4);
            bits = few;
        }
        for (byte = 0; byte < width; byte++)
            fputc((int)(bits >> 8 * byte & 255), file);
    }
    if (fclose(file))
        fail("cannot write %s", path);
}

/* ---- Convolution: every sum as it is written down, with three axes of space always ---- */

struct window {
    long stride[AXES], dilation[AXES], before[AXES];
};

/* Ask for sizes that fit each other: an index may have been written by hand. */
static void check(const struct array *x, const struct array *weight, const struct array *bias,
                  const struct window *window, long groups)
{
    int axis, fits = x->axes >= 3 && weight->axes == x->axes && groups >= 1;
    fits = fits && weight->shape[0] % groups == 0 && weight->shape[1] * groups == x->shape[1];
    fits = fits && (!bias || bias->size == (size_t)weight->shape[0]);
    for (axis = 0; fits && axis < x->axes - 2; axis++)
        fits = window->stride[axis] >= 1 && window->dilation[axis] >= 1;
    if (!fits)
        fail("index.json: sizes of a case do not fit each other");
}

/* Find how many cells of padding come before each axis, and the sizes of the result. */
static void place(struct window *window, const struct value *padding, const struct array *x,
                  const struct array *weight, struct array *y)
{
    const char *rule = padding->text;
    const struct value *pair = padding->first;
    int axis;
    for (axis = 0; axis < x->axes - 2; axis++) {
        long n = x->shape[axis + 2], stride = window->stride[axis], sides[2] = {0, 0};
        long reach = window->dilation[axis] * (weight->shape[axis + 2] - 1) + 1;
        if (!rule) {
            if (!pair || numbers(pair, sides, 2) != 2)
                fail("index.json: padding is no list of pairs");
            pair = pair->next;
        } else if (!strcmp(rule, "full")) {
            sides[0] = sides[1] = reach - 1;
        } else if (strcmp(rule, "valid")) { /* same, same_lower: as many windows as n / stride */
            long total = ((n + stride - 1) / stride - 1) * stride + reach - n;
            total = total > 0 ? total : 0;
            sides[0] = !strcmp(rule, "same") ? total / 2 : total - total / 2;
            sides[1] = total - sides[0];
        }
        window->before[axis] = sides[0];
        y->shape[axis + 2] = (n + sides[0] + sides[1] - reach) / stride + 1;
    }
}

static struct array conv(const struct value *parameters, const struct array *x,
                         const struct array *weight, const struct array *bias)
{
    struct array y = {0};
    struct window window = {{1, 1, 1}, {1, 1, 1}, {0, 0, 0}};
    long in[AXES] = {1, 1, 1}, taps[AXES] = {1, 1, 1}, out[AXES] = {1, 1, 1};
    long groups = (long)needed(parameters, "groups")->number;
    int flip = needed(parameters, "flip_kernel")->kind == 't', axis;
    long n, m, c, o[AXES], t[AXES], i[AXES];
    double *result;

    numbers(needed(parameters, "stride"), window.stride, AXES);
    numbers(needed(parameters, "dilation"), window.dilation, AXES);
    check(x, weight, bias, &window, groups);
    y.axes = x->axes;
    y.wide = x->wide;
    y.shape[0] = x->shape[0];
    y.shape[1] = weight->shape[0];
    place(&window, needed(parameters, "padding"), x, weight, &y);
    measure(&y);
    for (axis = 0; axis < x->axes - 2; axis++) {
        in[axis] = x->shape[axis + 2];
        taps[axis] = weight->shape[axis + 2];
        out[axis] = y.shape[axis + 2];
    }

#define EACH(index, end) for (index = 0; index < (end); index++)
    result = y.data;
    EACH(n, y.shape[0]) EACH(m, y.shape[1]) EACH(o[0], out[0]) EACH(o[1], out[1]) EACH(o[2], out[2])
    {
        long channels = weight->shape[1], first = m / (weight->shape[0] / groups) * channels;
        double sum = bias ? bias->data[m] : 0.0;
        EACH(c, channels) EACH(t[0], taps[0]) EACH(t[1], taps[1]) EACH(t[2], taps[2])
        {
            int inside = 1;
            long cell = n * x->shape[1] + first + c, tap = m * channels + c;
            for (axis = 0; axis < AXES; axis++) {
                i[axis] = o[axis] * window.stride[axis] + t[axis] * window.dilation[axis]
                          - window.before[axis];
                inside = inside && i[axis] >= 0 && i[axis] < in[axis];
                cell = cell * in[axis] + i[axis];
                tap = tap * taps[axis] + (flip ? taps[axis] - 1 - t[axis] : t[axis]);
            }
            if (inside)
                sum += x->data[cell] * weight->data[tap];
        }
        *result++ = sum;
    }
    return y;
}

int main(int count, char **words)
{
    static struct value *index; /* kept to the end */
    struct value *record;
    char path[4096], *text;
    long done = 0;
    if (count != 3)
        fail("usage: %s VECTORS RESULTS", words[0]);
    snprintf(path, sizeof path, "%s/index.json", words[1]);
    at = text = read_file(path, NULL);
    index = read_value();
    if (strcmp(text_of(index, "format"), "deconv_ref vectors 1"))
        fail("%s: not of a format that is known here", path);
    for (record = needed(index, "cases")->first; record; record = record->next) {
        struct value *inputs = needed(record, "inputs"), *bias = member(inputs, "bias");
        struct array x, weight, offsets, y;
        if (strcmp(text_of(record, "function"), "conv"))
            continue;
        x = read_npy(words[1], needed(needed(inputs, "x"), "array"));
        weight = read_npy(words[1], needed(needed(inputs, "weight"), "array"));
        if (bias)
            offsets = read_npy(words[1], needed(bias, "array"));
        y = conv(needed(record, "parameters"), &x, &weight, bias ? &offsets : NULL);
        snprintf(path, sizeof path, "%s/%s.forward.npy", words[2], text_of(record, "id"));
        write_npy(path, &y);
        free(x.data);
        free(weight.data);
        if (bias)
            free(offsets.data);
        free(y.data);
        done++;
    }
    printf("%ld cases of conv\n", done);
    free(text);
    return 0;
}

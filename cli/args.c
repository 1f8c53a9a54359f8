#include "cli/args.h"

#include <string.h>

static const struct args_option *find_in(const struct args_option *list, const char *name,
                                         size_t len)
{
    for (; list && list->name; list++) {
        if (strlen(list->name) == len && memcmp(list->name, name, len) == 0) {
            return list;
        }
    }
    return NULL;
}

static size_t bad(struct fault *fault, const char *what, const char *word, size_t len)
{
    (void)fault_set(fault, CLI_USAGE, "USAGE", "--%.*s %s", (int)len, word, what);
    return 0;
}

static size_t take_word(struct args *args, const char *word, struct fault *fault)
{
    if (args->word_count == ARGS_WORDS_MAX) {
        (void)fault_set(fault, CLI_USAGE, "USAGE", "too many words, from \"%s\" on", word);
        return 0;
    }
    args->words[args->word_count++] = word;
    return 1;
}

static bool is_repeatable(const struct args_option *option)
{
    size_t len = option->value ? strlen(option->value) : 0;
    return len > 3 && strcmp(option->value + len - 3, "...") == 0;
}

static size_t take_option(struct args *args, const struct args_option *option, const char *value,
                          struct fault *fault)
{
    size_t len = strlen(option->name);
    if (args_has(args, option->name) && !is_repeatable(option)) {
        return bad(fault, "is given twice", option->name, len);
    }
    if (args->given_count == ARGS_OPTIONS_MAX) {
        return bad(fault, "is one option too many", option->name, len);
    }
    args->given[args->given_count].option = option;
    args->given[args->given_count].value = value;
    args->given_count++;
    return 1;
}

size_t args_take(struct args *args, const struct args_option *own, const struct args_option *global,
                 char *const *argv, size_t argc, struct fault *fault)
{
    const char *word = argv[0];
    if (!args->ended && strcmp(word, "--") == 0) {
        args->ended = true;
        return 1;
    }
    if (!args->ended && strcmp(word, "-h") == 0) {
        word = "--help";
    }
    if (args->ended || strncmp(word, "--", 2) != 0) {
        return take_word(args, word, fault);
    }
    const char *name = word + 2;
    size_t len = strcspn(name, "=");
    const char *value = name[len] == '=' ? name + len + 1 : NULL;
    const struct args_option *option = find_in(own, name, len);
    if (!option) {
        option = find_in(global, name, len);
    }
    if (!option) {
        return bad(fault, "is not an option here", name, len);
    }
    if (!option->value) {
        return value ? bad(fault, "takes no value", name, len)
                     : take_option(args, option, "", fault);
    }
    if (value) {
        return take_option(args, option, value, fault);
    }
    if (argc < 2) {
        return bad(fault, "needs a value", name, len);
    }
    return take_option(args, option, argv[1], fault) ? 2 : 0;
}

const char *args_each(const struct args *args, const char *name, size_t place)
{
    for (size_t i = 0; i < args->given_count; i++) {
        if (strcmp(args->given[i].option->name, name) == 0 && place-- == 0) {
            return args->given[i].value;
        }
    }
    return NULL;
}

const char *args_value(const struct args *args, const char *name)
{
    return args_each(args, name, 0);
}

bool args_has(const struct args *args, const char *name)
{
    return args_value(args, name) != NULL;
}

const char *args_word(const struct args *args, size_t place)
{
    return place < args->word_count ? args->words[place] : NULL;
}

int args_number(const char *text, unsigned long min, unsigned long max, unsigned long *out_number)
{
    unsigned long number = 0;
    size_t len = strlen(text);
    if (len == 0 || len > 10) {
        return CYAN_E_INVALID;
    }
    for (size_t i = 0; i < len; i++) {
        if (text[i] < '0' || text[i] > '9') {
            return CYAN_E_INVALID;
        }
        number = number * 10 + (unsigned long)(text[i] - '0');
    }
    if (number < min || number > max) {
        return CYAN_E_INVALID;
    }
    *out_number = number;
    return 0;
}

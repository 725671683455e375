#include "core/wire/codes.h"

const char *code_name(enum code code)
{
    switch (code) {
#define CODE_CASE(constant, number, name) \
    case CODE_##constant:                 \
        return name;
        CODE_LIST(CODE_CASE)
#undef CODE_CASE
    }
    return "UnknownError";
}

#include "base/host_name.h"

#include <ctype.h>

enum { NAME_MOST = 253, LABEL_MOST = 63 };

bool host_is_name(const char *text, size_t size)
{
    size_t label = 0;
    if (size > 0 && text[size - 1] == '.') {
        size--;
    }
    if (size == 0 || size > NAME_MOST) {
        return false;
    }
    for (size_t i = 0; i < size; i++) {
        char c = text[i];
        if (c == '.' ? label == 0 : !isalnum((unsigned char)c) && c != '-' && c != '_') {
            return false;
        }
        label = c == '.' ? 0 : label + 1;
        if (label > LABEL_MOST) {
            return false;
        }
    }
    return label > 0;
}

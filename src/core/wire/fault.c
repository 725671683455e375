#include "core/wire/fault.h"

#include "base/require.h"

static const struct wire_fault_row ROWS[] = {
#define WIRE_FAULT_ROW(name, closes, code, code_name, text) \
    [WIRE_FAULT_##name] = {closes, code, code_name, text},
    WIRE_FAULT_LIST(WIRE_FAULT_ROW)
#undef WIRE_FAULT_ROW
};

const struct wire_fault_row *wire_fault_row(enum wire_fault fault)
{
    require((size_t)fault < sizeof ROWS / sizeof ROWS[0]);
    return &ROWS[fault];
}

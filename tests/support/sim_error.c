/* Errors of the simulated cluster, with the labels that a server of 4.4 or later gives them. */
#include "support/sim_server.h"

enum {
    CODE_NO_SUCH_TRANSACTION = 251,
    CODE_NOT_PRIMARY = 10107,
    CODE_NOT_PRIMARY_NO_SECONDARY_OK = 13435
};

static bool is_state_change(int32_t code)
{
    return code == CODE_NOT_PRIMARY || code == CODE_NOT_PRIMARY_NO_SECONDARY_OK || code == 91 ||
           code == 189 || code == 11600 || code == 11602 || code == 13436;
}

void sim_error_append(const struct sim_node *n, bson_t *reply, int32_t code, const char *text)
{
    BSON_APPEND_DOUBLE(reply, "ok", 0);
    BSON_APPEND_UTF8(reply, "errmsg", text);
    BSON_APPEND_INT32(reply, "code", code);
    if (is_state_change(code)) {
        sim_node_version(n, reply);
    }
}

const char *sim_label_of(const bson_t *request, int32_t code)
{
    bool is_transaction = sim_has(request, "autocommit");
    bool is_end = sim_has(request, "commitTransaction") || sim_has(request, "abortTransaction");
    bool is_retryable = is_state_change(code) && sim_has(request, "txnNumber");
    if (is_transaction && !is_end) {
        return is_state_change(code) || code == CODE_NO_SUCH_TRANSACTION
                   ? "TransientTransactionError"
                   : NULL;
    }
    return is_retryable ? "RetryableWriteError" : NULL;
}

void sim_label_append(bson_t *reply, const char *label)
{
    bson_t labels;
    if (label != NULL) {
        BSON_APPEND_ARRAY_BEGIN(reply, "errorLabels", &labels);
        BSON_APPEND_UTF8(&labels, "0", label);
        bson_append_array_end(reply, &labels);
    }
}

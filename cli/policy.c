#include "cli/policy.h"

#include <string.h>

#include "cli/api.h"
#include "cli/custody.h"

static void choose_path(const char *device, struct api_path *path)
{
    api_path_init(path, device ? "/v1/devices" : "/v1/user/key-policy");
    if (device) {
        api_path_add(path, device);
        api_path_add(path, "key-policy");
    }
}

static int take(struct cli *cli, int err, json_t *answer, json_t **out_policy)
{
    if (!err && !custody_text(answer, "policy")) {
        json_decref(answer);
        return custody_bad_answer(cli, "a policy");
    }
    if (!err) {
        *out_policy = answer;
    }
    return err;
}

int policy_get(struct cli *cli, const char *device, json_t **out_policy)
{
    struct api_path path;
    json_t *answer = NULL;
    choose_path(device, &path);
    int err = api_get(cli, &path, &answer);
    return take(cli, err, answer, out_policy);
}

int policy_put(struct cli *cli, const char *device, json_t *body, json_t **out_policy)
{
    struct api_path path;
    json_t *answer = NULL;
    choose_path(device, &path);
    int err = api_put(cli, &path, body, &answer);
    return take(cli, err, answer, out_policy);
}

int policy_delete(struct cli *cli, const char *device, json_t **out_policy)
{
    struct api_path path;
    json_t *answer = NULL;
    choose_path(device, &path);
    int err = api_delete(cli, &path, &answer);
    return take(cli, err, answer, out_policy);
}

bool policy_is_window(const json_t *policy)
{
    return strcmp(custody_text_or(policy, "policy", ""), "enroll") == 0;
}

bool policy_is_own_window(const json_t *policy, const char *device)
{
    const char *level = device ? "device" : "account";
    return policy_is_window(policy) && strcmp(custody_text_or(policy, "from", level), level) == 0;
}

#include "bench/rig.h"

#include <dirent.h>
#include <fcntl.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "bench/reader.h"
#include "server/cloud/folder.h"
#include "server/store/sqlite.h"
#include "wire/limits.h"

enum { LOG_MAX = 1 << 20, LINE_MAX_LEN = 256 };

void rig_id(size_t i, uint8_t out_id[static CYAN_ID_LEN])
{
    memset(out_id, 0xBE, CYAN_ID_LEN);
    for (size_t b = 0; b < 4; b++) {
        out_id[CYAN_ID_LEN - 1 - b] = (uint8_t)(i >> (8 * b));
    }
}

static double seconds(clockid_t clock)
{
    struct timespec t;
    clock_gettime(clock, &t);
    return (double)t.tv_sec + (double)t.tv_nsec / 1e9;
}

double rig_now_s(void)
{
    return seconds(CLOCK_MONOTONIC);
}

double rig_own_cpu_s(void)
{
    return seconds(CLOCK_PROCESS_CPUTIME_ID);
}

void rig_pin(int core)
{
    cpu_set_t set;
    CPU_ZERO(&set);
    CPU_SET((size_t)core, &set);
    (void)sched_setaffinity(0, sizeof set, &set);
}

void rig_print(const char *name, double value, const char *unit, double limit)
{
    if (limit > 0) {
        printf("{\"name\":\"%s\",\"value\":%.3f,\"unit\":\"%s\",\"limit\":%.3f,\"ratio\":%.3f}\n",
               name, value, unit, limit, value / limit);
    } else {
        printf("{\"name\":\"%s\",\"value\":%.3f,\"unit\":\"%s\",\"limit\":null,\"ratio\":null}\n",
               name, value, unit);
    }
    (void)fflush(stdout);
}

static void add_device(const struct rig *rig, const struct store *store,
                       const struct cyan_crypto *crypto, size_t i)
{
    struct store_device device = {.owner = 1};
    struct store_key key = {.state = STORE_KEY_TRUSTED, .source = STORE_KEY_PROVISIONED};
    rig_id(i, device.id);
    (void)snprintf(device.name, sizeof device.name, "bench_%zu", i);
    memcpy(key.device, device.id, sizeof key.device);
    memcpy(key.spki, rig->device_spki, sizeof key.spki);
    key.by_account = 1;
    if (store->device_add(store->ctx, &device) < 0) {
        bench_die("a device cannot be stored");
    }
    if (crypto->sha256(crypto->ctx, rig->device_spki, sizeof rig->device_spki, key.fingerprint) <
            0 ||
        store->key_put(store->ctx, &key) < 0) {
        bench_die("a key cannot be stored");
    }
}

static void fill_folder(struct rig *rig, const struct cyan_crypto *crypto, size_t devices)
{
    struct folder folder;
    struct folder_words words;
    const struct folder_options options = {.path = rig->folder,
                                           .store_open = store_sqlite_open,
                                           .crypto = crypto,
                                           .user = "bench",
                                           .password = "bench-bench"};
    if (folder_open(&options, &folder, &words) < 0) {
        bench_die(words.what);
    }
    memcpy(rig->server_spki, folder.key.spki, sizeof rig->server_spki);
    if (folder.store.begin(folder.store.ctx) < 0) {
        bench_die("the store cannot be filled");
    }
    for (size_t i = 0; i < devices; i++) {
        add_device(rig, &folder.store, crypto, i);
    }
    if (folder.store.commit(folder.store.ctx) < 0) {
        bench_die("the store cannot be filled");
    }
    folder_close(&folder);
}

static void run_cyand(const struct rig *rig, const char *cyand, int out, int log)
{
    char device[32];
    (void)snprintf(device, sizeof device, "127.0.0.1:%u", rig->port); /* 0 at the first start */
    (void)prctl(PR_SET_PDEATHSIG, SIGKILL); /* nothing stays behind when a measurement fails */
    rig_pin(0);
    (void)dup2(out, STDOUT_FILENO);
    (void)dup2(log, STDERR_FILENO);
    execl(cyand, cyand, "--data", rig->folder, "--http", "127.0.0.1:0", "--device", device,
          "--shards", "1", (char *)NULL);
    _exit(127);
}

static void read_ready(struct rig *rig, int out)
{
    char line[LINE_MAX_LEN] = "";
    size_t len = 0;
    while (len < sizeof line - 1 && read(out, line + len, 1) == 1 && line[len] != '\n') {
        len++;
    }
    const char *device = strstr(line, "device=");
    const char *colon = device ? strchr(device, ':') : NULL;
    if (colon) {
        rig->port = (uint16_t)strtoul(colon + 1, NULL, 10);
    } else {
        bench_die("cyand did not become ready");
    }
}

static void launch(struct rig *rig, const char *cyand)
{
    int out[2];
    if (pipe(out) < 0) {
        bench_die("cyand cannot be started");
    }
    rig->pid = fork();
    if (rig->pid == 0) {
        run_cyand(rig, cyand, out[1], rig->log);
    }
    (void)close(out[1]);
    read_ready(rig, out[0]);
    (void)close(out[0]);
}

void rig_start(struct rig *rig, const char *cyand, const struct cyan_crypto *crypto, size_t devices)
{
    char log_path[96];
    memset(rig, 0, sizeof *rig);
    (void)snprintf(rig->folder, sizeof rig->folder, "/tmp/cyan-bench-XXXXXX");
    if (!mkdtemp(rig->folder) || crypto->rsa1024_generate(crypto->ctx, &rig->key) < 0) {
        bench_die("there is no room for a data folder");
    }
    cyan_keyblob_write(&rig->key, rig->slot);
    cyan_keyblob_spki(rig->slot, rig->device_spki);
    fill_folder(rig, crypto, devices);
    (void)snprintf(log_path, sizeof log_path, "%s/log", rig->folder);
    rig->log = open(log_path, O_RDWR | O_CREAT | O_CLOEXEC, 0600);
    if (rig->log < 0) {
        bench_die("cyand cannot be started");
    }
    launch(rig, cyand);
}

void rig_restart(struct rig *rig, const char *cyand)
{
    (void)kill(rig->pid, SIGKILL);
    (void)waitpid(rig->pid, NULL, 0);
    launch(rig, cyand);
}

static void remove_folder(const char *path)
{
    char file[512];
    DIR *dir = opendir(path);
    const struct dirent *entry;
    while (dir && (entry = readdir(dir))) {
        (void)snprintf(file, sizeof file, "%s/%s", path, entry->d_name);
        (void)unlink(file);
    }
    if (dir) {
        (void)closedir(dir);
    }
    (void)rmdir(path);
}

static double longest_turn_us(int log)
{
    static char text[LOG_MAX];
    static const char word[] = "longest_turn_us=";
    off_t end = lseek(log, 0, SEEK_END);
    off_t from = end > LOG_MAX - 1 ? end - (LOG_MAX - 1) : 0;
    ssize_t n = pread(log, text, sizeof text - 1, from);
    text[n > 0 ? n : 0] = '\0';
    const char *at = strstr(text, word);
    return at ? strtod(at + sizeof word - 1, NULL) : 0;
}

double rig_stop(struct rig *rig)
{
    int status = 0;
    (void)kill(rig->pid, SIGTERM);
    if (waitpid(rig->pid, &status, 0) != rig->pid || status != 0) {
        bench_die("cyand did not end well");
    }
    double us = longest_turn_us(rig->log);
    (void)close(rig->log);
    remove_folder(rig->folder);
    return us;
}

double rig_cpu_s(const struct rig *rig)
{
    char path[300];
    unsigned long long total_ns = 0;
    (void)snprintf(path, sizeof path, "/proc/%d/task", (int)rig->pid);
    DIR *dir = opendir(path);
    const struct dirent *entry;
    while (dir && (entry = readdir(dir))) {
        unsigned long long ns = 0;
        (void)snprintf(path, sizeof path, "/proc/%d/task/%s/schedstat", (int)rig->pid,
                       entry->d_name);
        FILE *file = entry->d_name[0] == '.' ? NULL : fopen(path, "re");
        if (file && fscanf(file, "%llu", &ns) == 1) {
            total_ns += ns;
        }
        if (file) {
            (void)fclose(file);
        }
    }
    if (dir) {
        (void)closedir(dir);
    }
    return (double)total_ns / 1e9;
}

size_t rig_resident(const struct rig *rig)
{
    char path[64];
    size_t pages = 0, resident = 0;
    (void)snprintf(path, sizeof path, "/proc/%d/statm", (int)rig->pid);
    FILE *file = fopen(path, "re");
    if (!file || fscanf(file, "%zu %zu", &pages, &resident) != 2) {
        bench_die("the memory of cyand cannot be read");
    }
    (void)fclose(file);
    return resident * (size_t)sysconf(_SC_PAGESIZE);
}

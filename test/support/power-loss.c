/*
 * A disk that forgets what was not synced, for tests. Loaded with LD_PRELOAD into a process that kills itself with
 * SIGKILL: before it dies, the folder POWER_LOSS_FOLDER becomes what it would be after a loss of power.
 *
 * - A file has the bytes of its last fsync. With POWER_LOSS_SEED other than 0 a random half of the sectors that were
 *   written since has reached the disk too.
 * - A folder has the names of its last fsync.
 *
 * What is safe is kept in POWER_LOSS_SHADOW: `bytes-INODE` are the synced bytes of a file, `file-INODE` is a link to
 * the file itself, so that its number is not given to another one; `names` are the synced names. Nothing is followed
 * through mmap. All calls that change something wait while the power is lost.
 */
#define _GNU_SOURCE
#include <dirent.h>
#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <pthread.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/uio.h>
#include <unistd.h>

#define SECTOR 512
#define NAMES_MAX 4096

static const char *folder;
static const char *shadow;
static unsigned seed;
static pthread_rwlock_t power = PTHREAD_RWLOCK_INITIALIZER;
static pthread_mutex_t keeping = PTHREAD_MUTEX_INITIALIZER;

struct synced_name { char name[256]; ino_t inode; };
static struct synced_name names[NAMES_MAX];
static size_t name_count;

#define REAL(type, name, ...) \
  static type (*real)(__VA_ARGS__); \
  if (!real) real = (type (*)(__VA_ARGS__))dlsym(RTLD_NEXT, name)

static int real_open(const char *path, int flags) {
  REAL(int, "open64", const char *, int, ...);
  return ((int (*)(const char *, int, ...))real)(path, flags, 0644);
}

static ssize_t real_write(int file, const void *bytes, size_t count) {
  REAL(ssize_t, "write", int, const void *, size_t);
  return real(file, bytes, count);
}

static void path_of(char *path, const char *kind, ino_t inode) {
  snprintf(path, PATH_MAX, "%s/%s-%lu", shadow, kind, (unsigned long)inode);
}

static void must(int ok, const char *what) {
  if (ok) return;
  fprintf(stderr, "power-loss: %s: %s\n", what, strerror(errno));
  abort();
}

static char *read_all(const char *path, size_t *size) {
  int file = real_open(path, O_RDONLY);
  *size = 0;
  if (file < 0) return NULL;
  struct stat about;
  fstat(file, &about);
  char *bytes = malloc(about.st_size + 1);
  for (ssize_t count; *size < (size_t)about.st_size; *size += count) {
    count = read(file, bytes + *size, about.st_size - *size);
    if (count <= 0) break;
  }
  close(file);
  return bytes;
}

static void write_all(const char *path, const char *bytes, size_t size) {
  int file = real_open(path, O_WRONLY | O_CREAT | O_TRUNC);
  must(file >= 0, path);
  for (size_t done = 0; done < size;) {
    ssize_t count = real_write(file, bytes + done, size - done);
    must(count > 0, "write");
    done += count;
  }
  close(file);
}

/* Keeps a file's inode, and forgets what another file with that number had. */
static void hold(const char *path) {
  struct stat about;
  if (stat(path, &about) != 0 || !S_ISREG(about.st_mode)) return;
  char held[PATH_MAX], bytes[PATH_MAX];
  path_of(held, "file", about.st_ino);
  if (access(held, F_OK) == 0) return;
  path_of(bytes, "bytes", about.st_ino);
  unlink(bytes);
  must(link(path, held) == 0, "link");
}

static void keep_bytes(const char *path, ino_t inode) {
  char target[PATH_MAX];
  size_t size;
  char *bytes = read_all(path, &size);
  path_of(target, "bytes", inode);
  write_all(target, bytes, size);
  free(bytes);
}

static void keep_names(void) {
  DIR *entries = opendir(folder);
  must(entries != NULL, folder);
  name_count = 0;
  for (struct dirent *entry; (entry = readdir(entries));) {
    if (entry->d_type != DT_REG) continue;
    must(name_count < NAMES_MAX, "too many files");
    char path[PATH_MAX];
    snprintf(path, sizeof path, "%s/%s", folder, entry->d_name);
    hold(path);
    snprintf(names[name_count].name, sizeof names[0].name, "%s", entry->d_name);
    names[name_count].inode = entry->d_ino;
    name_count += 1;
  }
  closedir(entries);
}

static int is_inside(const char *path) {
  size_t length = strlen(folder);
  return strncmp(path, folder, length) == 0 && (path[length] == '/' || path[length] == 0);
}

/* What a sync makes safe. */
static void keep(int file) {
  char link_path[64], path[PATH_MAX];
  snprintf(link_path, sizeof link_path, "/proc/self/fd/%d", file);
  ssize_t length = readlink(link_path, path, sizeof path - 1);
  if (length < 0) return;
  path[length] = 0;
  if (!is_inside(path)) return;
  struct stat about;
  fstat(file, &about);
  pthread_mutex_lock(&keeping);
  if (S_ISDIR(about.st_mode)) keep_names();
  else keep_bytes(link_path, about.st_ino);
  pthread_mutex_unlock(&keeping);
}

/* The bytes that a file has after the loss. */
static char *surviving(ino_t inode, size_t *size) {
  char path[PATH_MAX];
  path_of(path, "bytes", inode);
  char *safe = read_all(path, size);
  if (seed == 0) return safe;
  path_of(path, "file", inode);
  size_t current_size;
  char *current = read_all(path, &current_size);
  if (!current) return safe;
  size_t result_size = rand_r(&seed) % 2 ? current_size : *size;
  char *result = calloc(1, result_size + 1);
  for (size_t start = 0; start < result_size; start += SECTOR) {
    int is_current = rand_r(&seed) % 2;
    const char *from = is_current ? current : safe;
    size_t limit = is_current ? current_size : *size;
    size_t end = start + SECTOR < result_size ? start + SECTOR : result_size;
    if (start < limit) memcpy(result + start, from + start, (end < limit ? end : limit) - start);
  }
  free(safe);
  free(current);
  *size = result_size;
  return result;
}

static void lose_power(void) {
  pthread_rwlock_wrlock(&power);
  pthread_mutex_lock(&keeping);
  char *contents[NAMES_MAX];
  size_t sizes[NAMES_MAX];
  for (size_t index = 0; index < name_count; index += 1) {
    contents[index] = surviving(names[index].inode, &sizes[index]);
  }
  DIR *entries = opendir(folder);
  must(entries != NULL, folder);
  for (struct dirent *entry; (entry = readdir(entries));) {
    char path[PATH_MAX];
    snprintf(path, sizeof path, "%s/%s", folder, entry->d_name);
    if (entry->d_type == DT_REG) must(unlinkat(AT_FDCWD, path, 0) == 0, path);
  }
  closedir(entries);
  for (size_t index = 0; index < name_count; index += 1) {
    char path[PATH_MAX];
    snprintf(path, sizeof path, "%s/%s", folder, names[index].name);
    write_all(path, contents[index], sizes[index]);
  }
}

__attribute__((constructor)) static void start(void) {
  folder = getenv("POWER_LOSS_FOLDER");
  shadow = getenv("POWER_LOSS_SHADOW");
  must(folder && shadow, "POWER_LOSS_FOLDER and POWER_LOSS_SHADOW are not set");
  seed = atoi(getenv("POWER_LOSS_SEED") ?: "0");
  keep_names();
  for (size_t index = 0; index < name_count; index += 1) {
    char path[PATH_MAX];
    snprintf(path, sizeof path, "%s/%s", folder, names[index].name);
    keep_bytes(path, names[index].inode);
  }
}

int kill(pid_t process, int signal_number) {
  REAL(int, "kill", pid_t, int);
  if (process == getpid() && signal_number == SIGKILL) lose_power();
  return real(process, signal_number);
}

static int synced(int file) {
  pthread_rwlock_rdlock(&power);
  keep(file);
  pthread_rwlock_unlock(&power);
  return 0;
}

int fsync(int file) { return synced(file); }
int fdatasync(int file) { return synced(file); }

static int opened(int file, const char *path, int flags) {
  char full[PATH_MAX];
  if (file >= 0 && (flags & O_CREAT) && realpath(path, full) && is_inside(full)) {
    pthread_mutex_lock(&keeping);
    hold(full);
    pthread_mutex_unlock(&keeping);
  }
  return file;
}

#define OPEN(function) \
  int function(const char *path, int flags, ...) { \
    REAL(int, #function, const char *, int, ...); \
    va_list rest; \
    va_start(rest, flags); \
    mode_t mode = va_arg(rest, mode_t); \
    va_end(rest); \
    pthread_rwlock_rdlock(&power); \
    int file = opened(((int (*)(const char *, int, ...))real)(path, flags, mode), path, flags); \
    pthread_rwlock_unlock(&power); \
    return file; \
  }
OPEN(open)
OPEN(open64)

/* Everything else that changes files only waits when the power is lost. */
#define CHANGE(type, function, parameters, types, arguments) \
  type function parameters { \
    static type (*real) types; \
    if (!real) real = (type (*) types)dlsym(RTLD_NEXT, #function); \
    pthread_rwlock_rdlock(&power); \
    type result = real arguments; \
    pthread_rwlock_unlock(&power); \
    return result; \
  }
CHANGE(ssize_t, write, (int f, const void *b, size_t n), (int, const void *, size_t), (f, b, n))
CHANGE(ssize_t, pwrite, (int f, const void *b, size_t n, off_t o), (int, const void *, size_t, off_t), (f, b, n, o))
CHANGE(ssize_t, pwrite64, (int f, const void *b, size_t n, off64_t o), (int, const void *, size_t, off64_t), (f, b, n, o))
CHANGE(ssize_t, writev, (int f, const struct iovec *v, int n), (int, const struct iovec *, int), (f, v, n))
CHANGE(int, ftruncate, (int f, off_t n), (int, off_t), (f, n))
CHANGE(int, ftruncate64, (int f, off64_t n), (int, off64_t), (f, n))
CHANGE(int, unlink, (const char *p), (const char *), (p))
CHANGE(int, rename, (const char *a, const char *b), (const char *, const char *), (a, b))

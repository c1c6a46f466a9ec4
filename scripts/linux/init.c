/*
 * The first program of the Linux that `make linux` builds: static, without a C library. It shows what the kernel sees,
 * forks, takes CPU 1 offline and online, reads a line from the console if asked to, and powers off.
 */
enum {
  SYS_mkdirat = 34,
  SYS_mount = 40,
  SYS_openat = 56,
  SYS_close = 57,
  SYS_read = 63,
  SYS_write = 64,
  SYS_exit = 93,
  SYS_waitid = 95,
  SYS_reboot = 142,
  SYS_clone = 220,
};

enum { AT_FDCWD = -100, O_WRONLY = 1, SIGCHLD = 17, P_ALL = 0, WEXITED = 4, CHILDREN = 8 };

static long call(long n, long a, long b, long c, long d, long e) {
  register long a0 __asm__("a0") = a;
  register long a1 __asm__("a1") = b;
  register long a2 __asm__("a2") = c;
  register long a3 __asm__("a3") = d;
  register long a4 __asm__("a4") = e;
  register long a7 __asm__("a7") = n;
  __asm__ volatile("ecall" : "+r"(a0) : "r"(a1), "r"(a2), "r"(a3), "r"(a4), "r"(a7) : "memory");
  return a0;
}

static long length(const char *s) {
  long n = 0;
  while (s[n]) n++;
  return n;
}

static void say(const char *s) {
  call(SYS_write, 1, (long)s, length(s), 0, 0);
}

static void number(long v) {
  char text[12];
  int at = 11;
  unsigned long u = v < 0 ? -v : v;
  text[at] = 0;
  do {
    text[--at] = '0' + u % 10;
    u /= 10;
  } while (u);
  if (v < 0) text[--at] = '-';
  say(text + at);
}

/* Up to 255 bytes of a file, with a NUL behind them; the length, or a negative errno. */
static long load(const char *path, char *text) {
  long fd = call(SYS_openat, AT_FDCWD, (long)path, 0, 0, 0);
  if (fd < 0) return fd;
  long n = call(SYS_read, fd, (long)text, 255, 0, 0);
  call(SYS_close, fd, 0, 0, 0, 0);
  text[n > 0 ? n : 0] = 0;
  return n;
}

static int store(const char *path, const char *text) {
  long fd = call(SYS_openat, AT_FDCWD, (long)path, O_WRONLY, 0, 0);
  if (fd < 0) return fd;
  long done = call(SYS_write, fd, (long)text, length(text), 0, 0);
  call(SYS_close, fd, 0, 0, 0, 0);
  return done < 0 ? done : 0;
}

static int contains(const char *text, const char *word) {
  for (; *text; text++) {
    long i = 0;
    while (word[i] && text[i] == word[i]) i++;
    if (!word[i]) return 1;
  }
  return 0;
}

static void show(const char *path) {
  char text[256];
  say(path);
  say(": ");
  if (load(path, text) < 0) say("absent\n");
  else say(text);
}

static void hotplug(const char *value) {
  int error = store("/sys/devices/system/cpu/cpu1/online", value);
  say("init: cpu1 online <- ");
  say(value);
  say(": ");
  number(error);
  say("\n");
  show("/sys/devices/system/cpu/online");
}

static char pages[16][4096];
/* siginfo_t; word 5 is the exit code. */
static int information[32];

/* Children write to pages they share with us until then, and say by their exit code what they found. */
static void fork_some(void) {
  for (int i = 0; i < 16; i++) pages[i][0] = i;
  for (int child = 0; child < CHILDREN; child++) {
    long pid = call(SYS_clone, SIGCHLD, 0, 0, 0, 0);
    if (pid != 0) continue;
    int sum = 0;
    for (int round = 0; round < 100; round++)
      for (int i = 0; i < 16; i++) sum += ++pages[i][0] - round - i;
    call(SYS_exit, sum == 1600 ? 0 : 1, 0, 0, 0, 0);
  }
  int fine = 0;
  for (int child = 0; child < CHILDREN; child++) {
    information[5] = -1;
    if (call(SYS_waitid, P_ALL, 0, (long)information, WEXITED, 0) == 0 && information[5] == 0) fine++;
  }
  int same = 1;
  for (int i = 0; i < 16; i++) same &= pages[i][0] == i;
  say("init: children that did well: ");
  number(fine);
  say(same ? ", my pages are mine\n" : ", my pages were changed\n");
}

static void ask(void) {
  char text[256];
  say("init: say something\n");
  long n = call(SYS_read, 0, (long)text, 255, 0, 0);
  text[n > 0 ? n : 0] = 0;
  say("init: heard ");
  say(text);
}

void start(void) {
  char arguments[256];
  say("init: hello\n");
  call(SYS_mount, (long)"proc", (long)"/proc", (long)"proc", 0, 0);
  call(SYS_mount, (long)"sysfs", (long)"/sys", (long)"sysfs", 0, 0);
  show("/proc/version");
  show("/hello");
  show("/sys/devices/system/cpu/online");
  fork_some();
  hotplug("0");
  hotplug("1");
  if (load("/proc/cmdline", arguments) > 0 && contains(arguments, "init.ask")) ask();
  say("init: done\n");
  call(SYS_reboot, 0xfee1dead, 672274793, 0x4321fedc, 0, 0);
  for (;;) {
  }
}

__asm__(".globl _start\n_start:\n\tandi sp, sp, -16\n\tcall start\n");

/* 10^5 of each call that makes, fails or loses something: the memory and the descriptors of the process are as
 * many after them as before; it has 65536 handles of a kind. */
#define _XOPEN_SOURCE 700
#include <dirent.h>
#include <malloc.h>
#include <stdint.h>
#include <stdlib.h>
#include <unistd.h>

#include "check.h"

#if defined(__has_feature)
#if __has_feature(address_sanitizer)
#define UNDER_ASAN
#elif __has_feature(thread_sanitizer)
#define UNDER_TSAN
#endif
#elif defined(__SANITIZE_ADDRESS__)
#define UNDER_ASAN
#elif defined(__SANITIZE_THREAD__)
#define UNDER_TSAN
#endif

#if defined(UNDER_ASAN) || defined(UNDER_TSAN)
enum { rounds = 10000, warm_up = 2000 }; /* which take ten times as long */
#else
enum { rounds = 100000, warm_up = 2000 };
#endif

static locum_store fields;
static double numbers[4] = {1, 2, 3, 4};
static const locum_array array = {.type = LOCUM_F64, .rank = 1, .extents = {4}, .data = numbers};

#if defined(UNDER_ASAN)
size_t __sanitizer_get_current_allocated_bytes(void);
static size_t used_bytes(void) { return __sanitizer_get_current_allocated_bytes(); }
#else
static size_t used_bytes(void) {
  const struct mallinfo2 now = mallinfo2();
  return now.uordblks + now.hblkhd;
}
#endif

static int descriptors(void) {
  int count = 0;
  DIR *const open = opendir("/proc/self/fd");
  while (readdir(open) != NULL) {
    ++count;
  }
  closedir(open);
  return count;
}

static void put_and_get(void) {
  locum_view view;
  locum_key key;
  CHECK_OK(locum_put(fields, "T", &array, NULL, &key));
  CHECK_OK(locum_get(fields, "T", NULL, &view));
  CHECK(((const double *)view.array.data)[3] == 4);
  CHECK_OK(locum_evict_by_key(fields, &key, 0, NULL));
  CHECK_OK(locum_view_release(&view));
}

static void fail(void) {
  locum_view view;
  CHECK_STATUS(locum_get(fields, "none", NULL, &view), LOCUM_NOT_FOUND);
  CHECK_STATUS(locum_get(fields, "", NULL, &view), LOCUM_INVALID_ARGUMENT);
  CHECK_STATUS(locum_view_release(&view), LOCUM_INVALID_ARGUMENT);
}

/* A view that is not released keeps its object, as often as it is lost, and costs nothing else. */
static void lose_a_view(void) {
  static locum_view lost; /* where a search for leaks finds the last one */
  CHECK_OK(locum_get(fields, "kept", NULL, &lost));
}

static void make_handles(void) {
  locum_store collection;
  locum_writer writer;
  locum_array memory = array;
  CHECK_OK(locum_store_collection(fields, "c", &collection));
  CHECK_OK(locum_create(collection, "W", &memory, NULL, &writer));
  CHECK_OK(locum_writer_discard(&writer));
  CHECK_OK(locum_store_release(&collection));
  CHECK_STATUS(locum_store_release(&collection), LOCUM_INVALID_ARGUMENT);
}

static void ask_while_computing(void) {
  locum_future put, got;
  locum_view view;
  CHECK_OK(locum_put_async(fields, "F", &array, NULL, &put));
  CHECK_OK(locum_future_wait(put, 0));
  CHECK_OK(locum_get_async(fields, "F", NULL, &got));
  CHECK_OK(locum_future_view(got, 0, &view));
  CHECK_OK(locum_evict(fields, "F", 0, NULL));
  CHECK_OK(locum_view_release(&view));
  CHECK_OK(locum_future_release(&got));
  CHECK_OK(locum_future_release(&put));
}

static void stand_in(void) {
  locum_promise promise;
  locum_proxy proxy;
  locum_view view;
  CHECK_OK(locum_promise_make(fields, NULL, 0, &promise));
  CHECK_OK(locum_promise_proxy(promise, &proxy));
  CHECK_OK(locum_promise_release(&promise)); /* it is lost */
  CHECK_STATUS(locum_proxy_get(proxy, 0, &view), LOCUM_BROKEN_PROMISE);
  CHECK_OK(locum_proxy_release(&proxy));
}

static void list(void) {
  locum_names names;
  locum_info info;
  CHECK_OK(locum_keys(fields, NULL, 0, &names));
  CHECK_OK(locum_names_release(&names));
  CHECK_STATUS(locum_info_get(fields, "none", 0, &info), LOCUM_NOT_FOUND);
}

static void repeated(const char *what, void (*one)(void), int times) {
  for (int at = 0; at < warm_up; ++at) {
    one();
  }
  const size_t bytes = used_bytes();
  const int files = descriptors();
  for (int at = 0; at < times; ++at) {
    one();
  }
  const size_t more = used_bytes() > bytes ? used_bytes() - bytes : 0;
  printf("%s: %d times, %zu bytes more\n", what, times, more);
  CHECK(more < (size_t)times); /* not a byte for each */
  CHECK(descriptors() == files);
}

int main(void) {
  CHECK_OK(locum_open("memory:", NULL, &fields));
  repeated("puts and gets", put_and_get, rounds);
  repeated("failures", fail, rounds);
  CHECK_OK(locum_put(fields, "kept", &array, NULL, NULL));
  repeated("lost views", lose_a_view, rounds);
  repeated("handles", make_handles, rounds);
  repeated("futures", ask_while_computing, rounds);
  repeated("broken promises", stand_in, rounds / 10);
  repeated("lists", list, rounds / 100);
  CHECK_OK(locum_store_release(&fields));
  printf("%s: %d failures\n", failures == 0 ? "passed" : "FAILED", failures);
  return failures == 0 ? 0 : 1;
}

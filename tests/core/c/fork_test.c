/* A process forks while its other threads make and release handles. Its children have none of the threads, and go
 * on: they release what they inherit, are refused what belongs to the parent, and use a store of their own. */
#define _XOPEN_SOURCE 700
#include <pthread.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <sys/wait.h>
#include <unistd.h>

#include "check.h"

enum { forks = 400, busy_threads = 3, hangs_after_seconds = 60 };

static locum_store fields;
static atomic_int is_over;

static double number = 1;
static const locum_array scalar = {.type = LOCUM_F64, .data = &number};

static void *make_and_release(void *unused) {
  while (atomic_load(&is_over) == 0) {
    locum_future future;
    locum_store collection;
    CHECK_OK(locum_get_async(fields, "x", NULL, &future));
    CHECK_OK(locum_future_release(&future));
    CHECK_OK(locum_store_collection(fields, "c", &collection));
    CHECK_OK(locum_store_release(&collection));
  }
  return unused;
}

static void *get_once(void *unused) {
  locum_view view;
  CHECK_OK(locum_get(fields, "x", NULL, &view));
  CHECK_OK(locum_view_release(&view));
  return unused;
}

/* Each of the threads counts its views, and is counted itself. */
static void *begin_and_end_threads(void *unused) {
  while (atomic_load(&is_over) == 0) {
    pthread_t thread;
    if (pthread_create(&thread, NULL, get_once, NULL) == 0) {
      pthread_join(thread, NULL);
    }
  }
  return unused;
}

static void be_a_child(locum_future inherited) {
  locum_store own;
  locum_future future;
  static locum_view view; /* the thread's first: the parent's main thread has had none */
  alarm(hangs_after_seconds);
  CHECK_OK(locum_future_release(&inherited));
  CHECK_STATUS(locum_put(fields, "y", &scalar, NULL, NULL), LOCUM_CLOSED);
  CHECK_STATUS(locum_get(fields, "x", NULL, &view), LOCUM_CLOSED);
  CHECK_OK(locum_open("memory:", NULL, &own));
  CHECK_OK(locum_put(own, "x", &scalar, NULL, NULL));
  CHECK_OK(locum_get_async(own, "x", NULL, &future));
  CHECK_OK(locum_future_release(&future));
  CHECK_OK(locum_get(own, "x", NULL, &view));
  CHECK_OK(locum_view_release(&view));
  CHECK_OK(locum_store_release(&own));
  fflush(stdout);
  _exit(failures);
}

int main(void) {
  pthread_t threads[busy_threads + 1];
  CHECK_OK(locum_open("memory:", NULL, &fields));
  CHECK_OK(locum_put(fields, "x", &scalar, NULL, NULL));
  for (int at = 0; at < busy_threads; ++at) {
    pthread_create(&threads[at], NULL, make_and_release, NULL);
  }
  pthread_create(&threads[busy_threads], NULL, begin_and_end_threads, NULL);
  for (int at = 0; at < forks && failures == 0; ++at) {
    locum_future inherited;
    int status = 1;
    CHECK_OK(locum_get_async(fields, "x", NULL, &inherited));
    const pid_t child = fork();
    if (child == 0) {
      be_a_child(inherited);
    }
    CHECK(waitpid(child, &status, 0) == child);
    if (WIFSIGNALED(status) && WTERMSIG(status) == SIGALRM) {
      printf("the child of fork %d hangs\n", at);
    }
    CHECK(WIFEXITED(status) && WEXITSTATUS(status) == 0);
    CHECK_OK(locum_future_release(&inherited));
  }
  atomic_store(&is_over, 1);
  for (int at = 0; at < busy_threads + 1; ++at) {
    pthread_join(threads[at], NULL);
  }
  CHECK_OK(locum_store_release(&fields));
  return failures;
}

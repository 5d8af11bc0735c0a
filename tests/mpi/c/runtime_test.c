/* The calls of locum_mpi.h, and those of locum.h in an MPI job: run by any number of ranks. With the argument
 * `forgotten` the runtime is not closed, with `fails` rank 0 cannot go on. */
#define _XOPEN_SOURCE 700 /* mkdtemp */
#include <locum/locum_mpi.h>
#include <pthread.h>
#include <stdlib.h>
#include <time.h>

#include "check.h"

#if defined(__SANITIZE_ADDRESS__)
void __lsan_do_leak_check(void);
#endif

static locum_runtime runtime;
static locum_store fields;
static locum_place place;

static void together(void) { MPI_Barrier(MPI_COMM_WORLD); }
static int next_rank(void) { return (place.rank + 1) % place.ranks; }

static const char *name_of(const char *what, int rank) {
  static char name[2][64];
  static int turn;
  turn = 1 - turn;
  snprintf(name[turn], sizeof name[turn], "%s/%d", what, rank);
  return name[turn];
}

static void objects_of_other_ranks(void) {
  double mine[2][3];
  for (int at = 0; at < 6; ++at) {
    mine[at / 3][at % 3] = 100 * place.rank + at;
  }
  const locum_array array = {.type = LOCUM_F64, .rank = 2, .extents = {2, 3}, .data = mine};
  CHECK_OK(locum_put(fields, name_of("T", place.rank), &array, NULL, NULL));
  locum_view view;
  CHECK_OK(locum_wait(fields, name_of("T", next_rank()), NULL, &view));
  CHECK(view.array.rank == 2 && view.array.extents[0] == 2 && view.array.extents[1] == 3);
  CHECK(((const double *)view.array.data)[5] == 100 * next_rank() + 5);
  CHECK_OK(locum_view_release(&view));

  double column[2];
  const locum_array into = {.type = LOCUM_F64, .rank = 2, .extents = {2, 1}, .data = column};
  const locum_read_options box = {.box = {.rank = 2, .start = {0, 2}, .count = {2, 1}}};
  CHECK_OK(locum_read(fields, name_of("T", next_rank()), &into, &box));
  CHECK(column[0] == 100 * next_rank() + 2 && column[1] == 100 * next_rank() + 5);

  int64_t before = -1;
  CHECK_OK(locum_fetch_add(fields, "count", 1, 0, &before));
  CHECK(before >= 0 && before < place.ranks);
  together();
  uint64_t size = 0;
  CHECK_OK(locum_size(fields, 0, &size));
  CHECK(size == (uint64_t)place.ranks + 1);
  together();
}

static locum_status doubled(const locum_array *stored, locum_array *value, void *memory) {
  int64_t *const changed = memory;
  *changed = 2 * *(const int64_t *)stored->data;
  *value = *stored;
  value->data = changed;
  return LOCUM_OK;
}
static locum_status refuses(const locum_array *stored, locum_array *value, void *memory) {
  (void)stored, (void)value, (void)memory;
  return LOCUM_QUEUE_FULL;
}

static void updates(void) {
  int64_t one = 1;
  const locum_array array = {.type = LOCUM_I64, .data = &one};
  if (place.rank == 0) {
    CHECK_OK(locum_put(fields, "doubled", &array, NULL, NULL));
  }
  together();
  int64_t memory = 0;
  CHECK_OK(locum_update(fields, "doubled", doubled, &memory, 0, NULL));
  CHECK_STATUS(locum_update(fields, "doubled", refuses, NULL, 0, NULL), LOCUM_QUEUE_FULL);
  CHECK_STATUS(locum_update(fields, "none", doubled, &memory, 0, NULL), LOCUM_NOT_FOUND);
  CHECK_STATUS(locum_update(fields, "doubled", NULL, NULL, 0, NULL), LOCUM_INVALID_ARGUMENT);
  together();
  locum_view view;
  CHECK_OK(locum_get(fields, "doubled", NULL, &view));
  CHECK(*(const int64_t *)view.array.data == (int64_t)1 << place.ranks);
  CHECK_OK(locum_view_release(&view));
  together();
}

static void batches(void) {
  enum { count = 5 };
  int32_t values[count];
  locum_array arrays[count];
  const char *names[count];
  char texts[count][32];
  for (int at = 0; at < count; ++at) {
    values[at] = 1000 * place.rank + at;
    arrays[at] = (locum_array){.type = LOCUM_I32, .data = &values[at]};
    snprintf(texts[at], sizeof texts[at], "batch/%d/%d", place.rank, at);
    names[at] = texts[at];
  }
  locum_key keys[count];
  locum_status statuses[count];
  CHECK_OK(locum_put_batch(fields, count, names, arrays, NULL, keys, statuses));
  CHECK(keys[4].serial != 0 && statuses[4] == LOCUM_OK);
  CHECK_STATUS(locum_put_batch(fields, count, names, arrays, NULL, NULL, statuses), LOCUM_KEY_EXISTS);
  CHECK(statuses[0] == LOCUM_KEY_EXISTS && statuses[4] == LOCUM_KEY_EXISTS);
  together();
  for (int at = 0; at < count; ++at) {
    snprintf(texts[at], sizeof texts[at], "batch/%d/%d", at == 3 ? 99 : next_rank(), at);
  }
  locum_view views[count];
  CHECK_STATUS(locum_get_batch(fields, count, names, NULL, views, statuses), LOCUM_NOT_FOUND);
  for (int at = 0; at < count; ++at) {
    CHECK(statuses[at] == (at == 3 ? LOCUM_NOT_FOUND : LOCUM_OK));
    if (at == 3) {
      CHECK_STATUS(locum_view_release(&views[at]), LOCUM_INVALID_ARGUMENT);
    } else {
      CHECK(*(const int32_t *)views[at].array.data == 1000 * next_rank() + at);
      CHECK_OK(locum_view_release(&views[at]));
    }
  }
  together();
  bool existed[count];
  CHECK_OK(locum_evict_batch(fields, count, names, 0, existed, statuses));
  for (int at = 0; at < count; ++at) {
    CHECK(statuses[at] == LOCUM_OK && existed[at] == (at != 3));
  }
  CHECK_OK(locum_evict_batch(fields, count, names, 0, NULL, NULL));
  names[2] = "";
  CHECK_STATUS(locum_evict_batch(fields, count, names, 0, existed, statuses), LOCUM_INVALID_ARGUMENT);
  CHECK(statuses[1] == LOCUM_OK && statuses[2] == LOCUM_INVALID_ARGUMENT && !existed[0]);
  names[2] = NULL;
  CHECK_STATUS(locum_evict_batch(fields, count, names, 0, existed, statuses), LOCUM_INVALID_ARGUMENT);
  CHECK(statuses[1] == LOCUM_INVALID_ARGUMENT);
  CHECK_STATUS(locum_evict_batch(NULL, 1, names, 0, NULL, statuses), LOCUM_INVALID_ARGUMENT);
  CHECK_OK(locum_evict_batch(fields, 0, NULL, 0, NULL, NULL));
  CHECK_OK(locum_get_batch(fields, 0, NULL, NULL, NULL, NULL));
  CHECK_STATUS(locum_get_batch(fields, 1, NULL, NULL, views, NULL), LOCUM_INVALID_ARGUMENT);
  together();
}

static void futures(void) {
  float pair[2] = {(float)place.rank, 0.5F};
  const locum_array array = {.type = LOCUM_F32, .rank = 1, .extents = {2}, .data = pair};
  locum_future put, wait, read, none;
  CHECK_OK(locum_wait_async(fields, name_of("later", next_rank()), NULL, &wait));
  CHECK_OK(locum_put_async(fields, name_of("later", place.rank), &array, NULL, &put));
  locum_key key;
  CHECK_OK(locum_future_key(put, 0, &key));
  CHECK(key.serial != 0);
  locum_view view;
  CHECK_STATUS(locum_future_view(put, 0, &view), LOCUM_INVALID_ARGUMENT);
  CHECK_OK(locum_future_view(wait, 0, &view));
  CHECK(((const float *)view.array.data)[0] == (float)next_rank());
  CHECK_OK(locum_view_release(&view));
  bool ready = false;
  CHECK_OK(locum_future_ready(wait, &ready));
  CHECK(ready);
  CHECK_STATUS(locum_future_key(wait, 0, &key), LOCUM_INVALID_ARGUMENT);

  float copy[2] = {0, 0};
  const locum_array into = {.type = LOCUM_F32, .rank = 1, .extents = {2}, .data = copy};
  CHECK_OK(locum_read_async(fields, name_of("later", next_rank()), &into, NULL, &read));
  CHECK_OK(locum_future_wait(read, 0));
  CHECK(copy[1] == 0.5F);
  CHECK_OK(locum_get_async(fields, "none", NULL, &none));
  CHECK_STATUS(locum_future_view(none, 0, &view), LOCUM_NOT_FOUND);
  CHECK_STATUS(locum_view_release(&view), LOCUM_INVALID_ARGUMENT);
  CHECK_OK(locum_future_release(&none));
  CHECK_OK(locum_future_release(&read));

  CHECK_OK(locum_future_key(put, 0, &key));
  CHECK_OK(locum_get_async_by_key(fields, &key, NULL, &none));
  CHECK_OK(locum_future_view(none, 0, &view));
  CHECK(((const float *)view.array.data)[0] == (float)place.rank);
  CHECK_OK(locum_view_release(&view));
  CHECK_OK(locum_future_release(&none));
  CHECK_STATUS(locum_get_async_by_key(fields, NULL, NULL, &none), LOCUM_INVALID_ARGUMENT);
  CHECK(none == NULL);
  copy[0] = -1;
  CHECK_OK(locum_read_async_by_key(fields, &key, &into, NULL, &read));
  CHECK_OK(locum_future_wait(read, 0));
  CHECK(copy[0] == (float)place.rank);
  CHECK_OK(locum_future_release(&read));
  /* Written in place, and bound to its name while the program computes. */
  locum_array made = {.type = LOCUM_F32, .rank = 1, .extents = {1}};
  locum_writer writer;
  CHECK_OK(locum_create(fields, name_of("sealed", place.rank), &made, NULL, &writer));
  *(float *)made.data = 0.25F;
  CHECK_OK(locum_writer_seal_async(&writer, 0, &none));
  CHECK(writer == NULL);
  CHECK_OK(locum_future_key(none, 0, &key));
  CHECK_OK(locum_future_release(&none));
  CHECK_OK(locum_get(fields, name_of("sealed", place.rank), NULL, &view));
  CHECK(view.key.serial == key.serial && *(const float *)view.array.data == 0.25F);
  CHECK_OK(locum_view_release(&view));
  CHECK_STATUS(locum_writer_seal_async(&writer, 0, &none), LOCUM_INVALID_ARGUMENT);
  CHECK_OK(locum_future_release(&wait));
  const locum_future released = put;
  CHECK_OK(locum_future_release(&put));
  CHECK_STATUS(locum_future_wait(released, 0), LOCUM_INVALID_ARGUMENT);
  locum_future dead = released;
  CHECK_STATUS(locum_future_release(&dead), LOCUM_INVALID_ARGUMENT);
  CHECK(dead == NULL); /* as of all kinds */
  /* One that never ends: it is cancelled. */
  CHECK_OK(locum_wait_async(fields, "never", NULL, &none));
  CHECK_OK(locum_future_ready(none, &ready));
  CHECK(!ready);
  CHECK_STATUS(locum_future_wait(none, LOCUM_AT_ONCE), LOCUM_TIMEOUT);
  CHECK_OK(locum_future_release(&none));
  together();
}

static pthread_mutex_t noting = PTHREAD_MUTEX_INITIALIZER;
static pthread_cond_t noted = PTHREAD_COND_INITIALIZER;

static void note(void *context) {
  pthread_mutex_lock(&noting);
  *(int *)context = 1;
  pthread_cond_broadcast(&noted);
  pthread_mutex_unlock(&noting);
}

static void notifications(void) {
  static int seen[2];
  locum_future found, never;
  CHECK_OK(locum_get_async(fields, name_of("T", next_rank()), NULL, &found));
  CHECK_STATUS(locum_future_then(found, NULL, NULL), LOCUM_INVALID_ARGUMENT);
  CHECK_OK(locum_future_then(found, note, &seen[0]));
  CHECK_OK(locum_wait_async(fields, "never", NULL, &never));
  CHECK_OK(locum_future_then(never, note, &seen[1]));
  CHECK_OK(locum_future_release(&never)); /* which cancels it */
  struct timespec until;
  clock_gettime(CLOCK_REALTIME, &until);
  until.tv_sec += 100;
  pthread_mutex_lock(&noting);
  int late = 0;
  while ((!seen[0] || !seen[1]) && late == 0) {
    late = pthread_cond_timedwait(&noted, &noting, &until);
  }
  CHECK(seen[0] && seen[1]);
  pthread_mutex_unlock(&noting);
  CHECK_OK(locum_future_release(&found));
  together();
}

/* Handles travel around the ring of ranks. */
static locum_handle passed_on(const locum_handle *mine) {
  locum_handle received;
  const int from = (place.rank + place.ranks - 1) % place.ranks;
  MPI_Sendrecv(mine, sizeof *mine, MPI_BYTE, next_rank(), 7, &received, sizeof received, MPI_BYTE, from, 7,
               MPI_COMM_WORLD, MPI_STATUS_IGNORE);
  return received;
}

static void stand_ins(void) {
  const int from = (place.rank + place.ranks - 1) % place.ranks;
  locum_proxy mine, theirs;
  locum_handle handle;
  CHECK_OK(locum_proxy_of(fields, name_of("T", place.rank), 0, &mine));
  CHECK_OK(locum_proxy_handle_of(mine, &handle));
  handle = passed_on(&handle);
  CHECK_OK(locum_proxy_of_handle(&handle, &theirs));
  CHECK_OK(locum_proxy_prefetch(theirs));
  locum_view view;
  CHECK_OK(locum_proxy_get(theirs, 0, &view));
  CHECK(((const double *)view.array.data)[4] == 100 * from + 4);
  bool ready = false;
  CHECK_OK(locum_proxy_ready(theirs, &ready));
  CHECK(ready);
  CHECK_OK(locum_view_release(&view));
  CHECK_OK(locum_proxy_release(&theirs));
  CHECK_OK(locum_proxy_release(&mine));
  CHECK_STATUS(locum_proxy_release(&mine), LOCUM_INVALID_ARGUMENT);
  handle.words[1] ^= 1;  /* a damaged handle */
  CHECK_OK(locum_proxy_of_handle(&handle, &theirs));
  CHECK_STATUS(locum_proxy_get(theirs, 0, &view), LOCUM_INVALID_ARGUMENT);
  CHECK_OK(locum_proxy_release(&theirs));

  locum_promise promise, broken;
  CHECK_OK(locum_promise_make(fields, NULL, 0, &promise));
  CHECK_OK(locum_promise_proxy(promise, &mine));
  CHECK_OK(locum_proxy_handle_of(mine, &handle));
  handle = passed_on(&handle);
  CHECK_OK(locum_proxy_of_handle(&handle, &theirs));
  uint8_t value = (uint8_t)(10 + place.rank);
  const locum_array array = {.type = LOCUM_U8, .data = &value};
  CHECK_OK(locum_promise_set(promise, &array, 0, NULL));
  CHECK_OK(locum_proxy_get(theirs, 0, &view));
  CHECK(*(const uint8_t *)view.array.data == 10 + from);
  CHECK_OK(locum_view_release(&view));
  CHECK_OK(locum_proxy_release(&theirs));
  CHECK_OK(locum_proxy_release(&mine));
  CHECK_OK(locum_promise_release(&promise));

  CHECK_OK(locum_promise_make(fields, NULL, 0, &broken));
  CHECK_OK(locum_promise_proxy(broken, &mine));
  CHECK_OK(locum_promise_release(&broken));
  CHECK_STATUS(locum_proxy_get(mine, 0, &view), LOCUM_BROKEN_PROMISE);
  CHECK_OK(locum_proxy_release(&mine));
  together();
}

static void tasks(void) {
  locum_queue queue;
  CHECK_OK(locum_queue_open(fields, "work", &queue));
  enum { each = 4 };
  for (int32_t at = 0; at < each; ++at) {
    int32_t value = each * place.rank + at;
    const locum_array array = {.type = LOCUM_I32, .data = &value};
    uint64_t number = 99;
    CHECK_OK(locum_queue_put(queue, &array, NULL, &number));
    CHECK(number < (uint64_t)(each * place.ranks));
  }
  together();
  if (place.rank == 0) {
    CHECK_OK(locum_queue_close(queue));
  }
  together();
  int64_t sum = 0, all = 0;
  bool gave_one_back = false;
  locum_task task;
  locum_view view;
  locum_status status;
  while ((status = locum_queue_take(queue, 0, &task, &view)) == LOCUM_OK) {
    if (!gave_one_back) {  /* another taker, or this one, gets it again */
      gave_one_back = true;
      CHECK_OK(locum_view_release(&view));
      CHECK_OK(locum_task_release(&task));
      continue;
    }
    sum += *(const int32_t *)view.array.data;
    CHECK_OK(locum_view_release(&view));
    CHECK_OK(locum_task_done(&task, 0));
    CHECK_STATUS(locum_task_done(&task, 0), LOCUM_INVALID_ARGUMENT);
  }
  CHECK(status == LOCUM_END_OF_STREAM);
  MPI_Allreduce(&sum, &all, 1, MPI_INT64_T, MPI_SUM, MPI_COMM_WORLD);
  const int64_t count = each * place.ranks;
  CHECK(all == count * (count - 1) / 2);
  CHECK_OK(locum_queue_release(&queue));
  together();
}

/* Each rank writes two rows of a global array, one step in place and one by a copy; all read boxes of it. */
static void steps(void) {
  enum { columns = 4 };
  const int64_t rows = 2 * place.ranks;
  locum_ranks ranks, readers;
  CHECK_OK(locum_runtime_ranks(runtime, MPI_COMM_WORLD, &ranks));
  CHECK_OK(locum_runtime_ranks_f(runtime, MPI_Comm_c2f(MPI_COMM_WORLD), &readers));
  locum_step_writer writer;
  const locum_step_writer_options room = {.queue_steps = 3};
  CHECK_OK(locum_step_writer_open(ranks, "heat", &room, &writer));
  locum_step_reader reader;
  CHECK_OK(locum_step_reader_open(readers, "heat", NULL, &reader));
  const locum_block block = {.rank = 2, .shape = {rows, columns}, .start = {2 * place.rank, 0}};
  for (int number = 0; number < 2; ++number) {
    locum_output_step step;
    double own[2][columns];
    locum_array T = {.type = LOCUM_F64, .rank = 2, .extents = {2, columns}, .data = own};
    CHECK_OK(locum_step_begin(writer, 0, &step));
    if (number == 0) {
      CHECK_OK(locum_step_create(step, "T", &T, &block, 0));
      CHECK(T.data != own && T.strides[0] == columns * sizeof(double));
    }
    for (int at = 0; at < 2 * columns; ++at) {
      ((double *)T.data)[at] = 1000 * number + 2 * columns * place.rank + at;
    }
    if (number == 1) {
      CHECK_OK(locum_step_put(step, "T", &T, &block, 0));
    }
    int32_t many[3] = {place.rank, number, 7};
    const locum_array local = {.type = LOCUM_I32, .rank = 1, .extents = {1 + place.rank % 3}, .data = many};
    CHECK_OK(locum_step_put(step, "ids", &local, NULL, 0));
    if (place.rank == 0) {
      double time = 0.25 * number;
      CHECK_OK(locum_step_put(step, "time", &(locum_array){.type = LOCUM_F64, .data = &time}, NULL, 0));
      CHECK_STATUS(locum_step_put(step, "outside", &T, &(locum_block){.rank = 2, .shape = {1, 1}}, 0),
                   LOCUM_INVALID_ARGUMENT);
      locum_view kept;
      CHECK_STATUS(locum_step_keep(step, own, 0, &kept), LOCUM_INVALID_ARGUMENT);
      CHECK_STATUS(locum_step_keep(step, NULL, 0, &kept), LOCUM_INVALID_ARGUMENT);
      if (number == 0) {
        CHECK_OK(locum_step_keep(step, T.data, 0, &kept));
      }
      CHECK_OK(locum_step_discard(&step));
      if (number == 0) { /* which stays */
        CHECK(kept.array.data == T.data && ((const double *)T.data)[1] == 1 && kept.array.extents[0] == 2);
        CHECK_OK(locum_view_release(&kept));
      }
      CHECK_STATUS(locum_step_keep(step, own, 0, &kept), LOCUM_INVALID_ARGUMENT);
      /* What was wrong is forgotten with it: the step is written again. */
      CHECK_OK(locum_step_begin(writer, 0, &step));
      locum_array again = T;
      if (number == 0) {
        CHECK_OK(locum_step_create(step, "T", &again, &block, 0));
        for (int at = 0; at < 2 * columns; ++at) {
          ((double *)again.data)[at] = at;
        }
      } else {
        CHECK_OK(locum_step_put(step, "T", &again, &block, 0));
      }
      CHECK_OK(locum_step_put(step, "ids", &local, NULL, 0));
      CHECK_OK(locum_step_put(step, "time", &(locum_array){.type = LOCUM_F64, .data = &time}, NULL, 0));
    }
    CHECK_OK(locum_step_end(&step, 0));
    CHECK_STATUS(locum_step_end(&step, 0), LOCUM_INVALID_ARGUMENT);
  }
  for (int number = 0; number < 2; ++number) {
    locum_input_step step;
    CHECK_OK(locum_step_next(reader, 0, &step));
    uint64_t seen = 99;
    CHECK_OK(locum_step_number(step, &seen));
    CHECK(seen == (uint64_t)number);
    locum_variables variables;
    CHECK_OK(locum_step_variables(step, &variables));
    CHECK(variables.count == 3);
    const locum_variable *T = variables.variables;
    CHECK(T->name.length == 1 && T->name.first[0] == 'T' && T->type == LOCUM_F64 && T->rank == 2);
    CHECK(T->shape[0] == rows && T->shape[1] == columns && T->blocks == (uint64_t)place.ranks);
    CHECK_OK(locum_variables_release(&variables));
    /* Every second row, from the second one on, of two columns. */
    double read[64];
    const locum_array into = {.type = LOCUM_F64, .rank = 2, .extents = {place.ranks, 2}, .data = read};
    const locum_read_options box = {
        .box = {.rank = 2, .start = {1, 1}, .count = {place.ranks, 2}, .stride = {2, 1}}};
    CHECK_OK(locum_step_read(step, "T", &into, &box));
    for (int row = 0; row < place.ranks; ++row) {
      CHECK(read[2 * row] == 1000 * number + columns * (2 * row + 1) + 1);
      CHECK(read[2 * row + 1] == 1000 * number + columns * (2 * row + 1) + 2);
    }
    const locum_array other = {.type = LOCUM_F32, .rank = 2, .extents = {place.ranks, 2}, .data = read};
    CHECK_STATUS(locum_step_read(step, "T", &other, &box), LOCUM_TYPE_MISMATCH);
    locum_view view;
    CHECK_OK(locum_step_get(step, "ids", next_rank(), 0, &view));
    CHECK(view.array.type == LOCUM_I32 && view.array.extents[0] == 1 + next_rank() % 3);
    CHECK(*(const int32_t *)view.array.data == next_rank());
    CHECK_OK(locum_view_release(&view));
    CHECK_OK(locum_step_get(step, "time", -1, 0, &view));
    CHECK(view.array.rank == 0 && *(const double *)view.array.data == 0.25 * number);
    CHECK_OK(locum_step_release(&step));
    CHECK(*(const double *)view.array.data == 0.25 * number); /* a view outlives its step */
    CHECK_OK(locum_view_release(&view));
    CHECK_STATUS(locum_step_number(step, &seen), LOCUM_INVALID_ARGUMENT);
  }
  CHECK_OK(locum_step_writer_close(&writer, 0));
  locum_input_step none;
  CHECK_STATUS(locum_step_next(reader, 0, &none), LOCUM_END_OF_STREAM);
  CHECK_OK(locum_step_reader_close(&reader));
  CHECK_OK(locum_ranks_release(&readers));
  CHECK_OK(locum_ranks_release(&ranks));
  CHECK_STATUS(locum_step_writer_open(ranks, "more", NULL, &writer), LOCUM_INVALID_ARGUMENT);
  together();
}

/* What a call refuses is an error of the step's end, too, and of the next begin, unless it is written later. */
static void refused_in_steps(void) {
  locum_ranks ranks;
  locum_step_writer writer;
  locum_output_step step;
  const locum_step_writer_options alone = {.when_full = LOCUM_DROP_OLDEST};
  CHECK_OK(locum_runtime_ranks(runtime, MPI_COMM_SELF, &ranks));
  CHECK_OK(locum_step_writer_open(ranks, name_of("refused", place.rank), &alone, &writer));
  double number = 0.5;
  locum_array value = {.type = LOCUM_F64, .rank = 1, .extents = {1}, .data = &number};
  const locum_array nowhere = {.type = LOCUM_F64, .rank = 1, .extents = {1}};
  const locum_block before = {.rank = 1, .shape = {1}, .start = {-1}};
  for (int refusal = 0; refusal < 6; ++refusal) {
    CHECK_OK(locum_step_begin(writer, 0, &step));
    const locum_status status = refusal == 0   ? locum_step_put(step, "T", &nowhere, NULL, 0)
                                : refusal == 1 ? locum_step_put(step, "T", &value, &before, 0)
                                : refusal == 2 ? locum_step_put(step, "T", NULL, NULL, 0)
                                : refusal == 3 ? locum_step_put(step, NULL, &value, NULL, 0)
                                : refusal == 4 ? locum_step_create(step, "T", &(locum_array){.type = 99}, NULL, 0)
                                               : locum_step_fail(step, "T", LOCUM_INVALID_ARGUMENT, "it is red");
    CHECK(status == (refusal == 5 ? LOCUM_OK : LOCUM_INVALID_ARGUMENT));
    CHECK_STATUS(locum_step_end(&step, 0), LOCUM_INVALID_ARGUMENT);
    CHECK(refusal != 5 || strstr(locum_error_message(), ": it is red [key refused") != NULL);
    CHECK(refusal != 1 || strstr(locum_error_message(), "start of this block is negative: -1") != NULL);
    CHECK_STATUS(locum_step_begin(writer, 0, &step), LOCUM_INVALID_ARGUMENT);
  }
  CHECK_OK(locum_step_begin(writer, 0, &step));
  CHECK_STATUS(locum_step_put(step, "T", &nowhere, NULL, 0), LOCUM_INVALID_ARGUMENT);
  CHECK_OK(locum_step_put(step, "T", &value, NULL, 0));
  CHECK_STATUS(locum_step_fail(step, "T", LOCUM_SYSTEM, NULL), LOCUM_INVALID_ARGUMENT);
  CHECK_OK(locum_step_end(&step, 0));
  CHECK_STATUS(locum_step_fail(step, "T", LOCUM_SYSTEM, "it has ended"), LOCUM_INVALID_ARGUMENT);
  CHECK_OK(locum_step_writer_close(&writer, 0));
  CHECK_OK(locum_ranks_release(&ranks));
  together();
}

/* A stream that its writer gives up fails behind its last step. */
static void abandoned_steps(void) {
  locum_ranks ranks;
  locum_ranks readers;
  locum_step_writer writer;
  locum_step_reader reader;
  locum_output_step step;
  locum_input_step read;
  const char *name = name_of("abandoned", place.rank);
  CHECK_OK(locum_runtime_ranks(runtime, MPI_COMM_SELF, &ranks));
  CHECK_OK(locum_runtime_ranks(runtime, MPI_COMM_SELF, &readers));
  CHECK_OK(locum_step_writer_open(ranks, name, NULL, &writer));
  CHECK_OK(locum_step_reader_open(readers, name, NULL, &reader));
  CHECK_OK(locum_step_begin(writer, 0, &step));
  CHECK_OK(locum_step_end(&step, 0));
  CHECK_OK(locum_step_begin(writer, 0, &step));
  locum_step_writer given_up = writer;
  CHECK_OK(locum_step_writer_abandon(&given_up));
  CHECK(given_up == NULL);
  CHECK_STATUS(locum_step_writer_abandon(&writer), LOCUM_INVALID_ARGUMENT);
  CHECK_STATUS(locum_step_writer_abandon(NULL), LOCUM_INVALID_ARGUMENT);
  CHECK_STATUS(locum_step_end(&step, 0), LOCUM_CLOSED);
  CHECK_OK(locum_step_next(reader, 0, &read));
  CHECK_OK(locum_step_release(&read));
  CHECK_STATUS(locum_step_next(reader, 0, &read), LOCUM_BROKEN_PROMISE);
  CHECK_OK(locum_step_reader_close(&reader));
  CHECK_OK(locum_ranks_release(&ranks));
  CHECK_OK(locum_ranks_release(&readers));
  together();
}

/* `folder` is the same on all ranks. */
static void checkpoints(const char *folder) {
  char path[256];
  snprintf(path, sizeof path, "%s/step0042.h5", folder);
  locum_checkpoint_report report;
  const locum_status status = locum_checkpoint(runtime, "fields", path, NULL, &report);
  if (status == LOCUM_UNSUPPORTED) {
    printf("not tested: checkpoints (%s)\n", locum_error_message());
    return;
  }
  CHECK_OK(status);
  CHECK(report.number == 42 && report.objects >= (uint64_t)place.ranks);
  locum_checkpoint_report restored;
  CHECK_OK(locum_restore(runtime, "again", path, &(locum_restore_options){.prefix = "T/"}, &restored));
  CHECK(restored.objects == (uint64_t)place.ranks);
  locum_store again;
  CHECK_OK(locum_runtime_store(runtime, "again", NULL, &again));
  locum_view view;
  CHECK_OK(locum_get(again, name_of("T", next_rank()), NULL, &view));
  CHECK(((const double *)view.array.data)[3] == 100 * next_rank() + 3);
  CHECK_OK(locum_view_release(&view));
  together();
  CHECK_OK(locum_runtime_drop(runtime, "again", 0));
  CHECK_STATUS(locum_get(again, name_of("T", next_rank()), NULL, &view), LOCUM_CLOSED);
  CHECK_OK(locum_store_release(&again));
  snprintf(path, sizeof path, "%s/step*.h5", folder);
  CHECK_OK(locum_restore_latest(runtime, "latest", path, NULL, &restored));
  CHECK(restored.number == 42);
  snprintf(path, sizeof path, "%s/none*.h5", folder);
  CHECK_STATUS(locum_restore_latest(runtime, "latest", path, NULL, NULL), LOCUM_NOT_FOUND);
  CHECK_STATUS(locum_checkpoint(runtime, "never opened", path, NULL, NULL), LOCUM_NOT_FOUND);
  bool requested = true;
  CHECK_OK(locum_checkpoint_requested(runtime, 0, &requested));
  CHECK(!requested);
}

/* Written while the program goes on: an object that is evicted meanwhile is in it. */
static void checkpoint_in_background(const char *folder) {
  char path[256];
  snprintf(path, sizeof path, "%s/behind0043.h5", folder);
  double mine = 7 + place.rank;
  const locum_array array = {.type = LOCUM_F64, .data = &mine};
  locum_store store, again;
  CHECK_OK(locum_runtime_store(runtime, "behind", NULL, &store));
  CHECK_OK(locum_put(store, name_of("B", place.rank), &array, NULL, NULL));
  together();
  locum_future future;
  const locum_status status = locum_checkpoint_async(runtime, "behind", path, NULL, &future);
  if (status == LOCUM_UNSUPPORTED) {
    CHECK_OK(locum_store_release(&store));
    return;
  }
  CHECK_OK(status);
  CHECK_OK(locum_evict(store, name_of("B", place.rank), 0, NULL));
  locum_view none;
  CHECK_STATUS(locum_future_view(future, 0, &none), LOCUM_INVALID_ARGUMENT);
  CHECK(strstr(locum_error_message(), "it is that of a checkpoint; take its report") != NULL);
  CHECK_STATUS(locum_future_key(future, 0, NULL), LOCUM_INVALID_ARGUMENT);
  locum_checkpoint_report report;
  CHECK_OK(locum_future_checkpoint(future, 0, &report));
  CHECK(report.objects == (uint64_t)place.ranks && report.number == 43);
  bool ready = false;
  CHECK_OK(locum_future_ready(future, &ready));
  CHECK(ready);
  CHECK_OK(locum_future_wait(future, 0));
  CHECK_OK(locum_future_release(&future));
  CHECK_STATUS(locum_future_checkpoint(future, 0, &report), LOCUM_INVALID_ARGUMENT);
  CHECK_OK(locum_restore(runtime, "from behind", path, NULL, NULL));
  CHECK_OK(locum_runtime_store(runtime, "from behind", NULL, &again));
  locum_view view;
  CHECK_OK(locum_get(again, name_of("B", next_rank()), NULL, &view));
  CHECK(*(const double *)view.array.data == 7 + next_rank());
  CHECK_OK(locum_view_release(&view));
  CHECK_OK(locum_store_release(&again));
  CHECK_OK(locum_store_release(&store));
  CHECK_STATUS(locum_checkpoint_async(runtime, "behind", path, &(locum_checkpoint_options){.reserved = {1}},
                                      &future),
               LOCUM_UNSUPPORTED);
  together();
}

/* A dataset of a file of steps, which is any HDF5 file here: of 2 rows of 3 numbers of each rank. */
static void parts_of_files(const char *folder) {
  char path[256];
  snprintf(path, sizeof path, "%s/steps.h5", folder);
  const locum_step_writer_options kept = {.file = path, .when_full = LOCUM_DROP_OLDEST};
  locum_ranks ranks;
  locum_step_writer writer;
  CHECK_OK(locum_runtime_ranks(runtime, MPI_COMM_WORLD, &ranks));
  const locum_status opened = locum_step_writer_open(ranks, "kept", &kept, &writer);
  if (opened == LOCUM_UNSUPPORTED) {
    printf("not tested: parts of HDF5 files (%s)\n", locum_error_message());
    CHECK_OK(locum_ranks_release(&ranks));
    return;
  }
  CHECK_OK(opened);
  locum_output_step step;
  double own[2][3];
  for (int at = 0; at < 6; ++at) {
    own[at / 3][at % 3] = 10 * place.rank + at;
  }
  const int64_t rows = 2 * place.ranks;
  const locum_array array = {.type = LOCUM_F64, .rank = 2, .extents = {2, 3}, .data = own};
  const locum_block block = {.rank = 2, .shape = {rows, 3}, .start = {2 * place.rank, 0}};
  CHECK_OK(locum_step_begin(writer, 0, &step));
  CHECK_OK(locum_step_put(step, "T", &array, &block, 0));
  CHECK_OK(locum_step_end(&step, 0));
  CHECK_OK(locum_step_writer_close(&writer, 0));
  CHECK_OK(locum_ranks_release(&ranks));
  together();

  const char *const dataset = "/step/000000/T";
  const locum_hdf5_options column = {
      .store = "columns", .box = {.rank = 2, .start = {2 * next_rank(), 2}, .count = {2, 1}}};
  locum_proxy proxy;
  locum_view view;
  CHECK_OK(locum_proxy_of_hdf5(runtime, path, dataset, LOCUM_F64, &column, &proxy));
  CHECK_OK(locum_proxy_get(proxy, 0, &view));
  CHECK(view.array.type == LOCUM_F64 && view.array.rank == 2 && view.array.extents[0] == 2 &&
        view.array.extents[1] == 1);
  CHECK(((const double *)view.array.data)[0] == 10 * next_rank() + 2);
  CHECK(((const double *)view.array.data)[1] == 10 * next_rank() + 5);
  CHECK_OK(locum_view_release(&view));
  CHECK_OK(locum_proxy_release(&proxy));
  CHECK_OK(locum_proxy_of_hdf5(runtime, path, dataset, LOCUM_NO_TYPE, NULL, &proxy));
  CHECK_OK(locum_proxy_get(proxy, 0, &view));
  CHECK(view.array.type == LOCUM_F64 && view.size_bytes == (uint64_t)rows * 3 * sizeof(double));
  CHECK_OK(locum_view_release(&view));
  CHECK_OK(locum_proxy_release(&proxy));
  CHECK_STATUS(locum_proxy_of_hdf5(runtime, path, dataset, LOCUM_I32, NULL, &proxy), LOCUM_TYPE_MISMATCH);
  CHECK_STATUS(locum_proxy_of_hdf5(runtime, path, "/none", LOCUM_F64, NULL, &proxy), LOCUM_NOT_FOUND);
  CHECK_STATUS(locum_proxy_of_hdf5(runtime, path, dataset, 99, NULL, &proxy), LOCUM_INVALID_ARGUMENT);
  CHECK(proxy == NULL);
  together();
}

/* A file is one object for all ranks of a node. */
static void files_once_a_node(const char* folder) {
  char url[64];
  snprintf(url, sizeof url, "file:%s/files?sync=0", folder);
  locum_files files;
  CHECK_OK(locum_files_of(runtime, url, &files));
  double field[2][3] = {{0, 1, 2}, {10, 11, 12}};
  const locum_array array = {.type = LOCUM_F64, .rank = 2, .extents = {2, 3}, .data = field};
  if (place.rank == 0)
    CHECK_OK(locum_files_save(files, "run17/T.npy", &array, NULL));
  together();
  locum_view view;
  CHECK_OK(locum_files_load(files, "run17/T.npy", &(locum_file_options){.deadline_s = 60}, &view));
  CHECK(view.array.rank == 2 && memcmp(view.array.data, field, sizeof field) == 0);
  struct {
    locum_key key;
    int32_t node;
  } mine = {view.key, place.node}, all[64];
  MPI_Allgather(&mine, sizeof mine, MPI_BYTE, all, sizeof mine, MPI_BYTE, MPI_COMM_WORLD);
  for (int rank = 0; rank < place.ranks && rank < 64; ++rank)
    if (all[rank].node == place.node)
      CHECK(memcmp(&all[rank].key, &view.key, sizeof view.key) == 0);
  CHECK_OK(locum_view_release(&view));
  CHECK_STATUS(locum_files_load(files, "run17/none.npy", NULL, &view), LOCUM_NOT_FOUND);
  CHECK_OK(locum_files_close(&files));
  CHECK_STATUS(locum_files_of(runtime, NULL, &files), LOCUM_INVALID_ARGUMENT);
  CHECK_STATUS(locum_files_of(runtime, url, NULL), LOCUM_INVALID_ARGUMENT);
  CHECK_STATUS(locum_files_of(NULL, url, &files), LOCUM_INVALID_ARGUMENT);
  together();
}

static void misuse(void) {
  locum_runtime none = NULL;
  CHECK_STATUS(locum_runtime_open(MPI_COMM_WORLD, NULL, NULL), LOCUM_INVALID_ARGUMENT);
  CHECK_STATUS(locum_runtime_open(MPI_COMM_NULL, NULL, &none), LOCUM_INVALID_ARGUMENT);
  CHECK_STATUS(locum_runtime_open(MPI_COMM_WORLD, &(locum_runtime_options){.transport = 9}, &none),
               LOCUM_INVALID_ARGUMENT);
  CHECK(none == NULL);
  CHECK_STATUS(locum_runtime_close(&none, 0), LOCUM_INVALID_ARGUMENT);
  locum_place nowhere = {.ranks = 9};
  CHECK_STATUS(locum_runtime_place(none, &nowhere), LOCUM_INVALID_ARGUMENT);
  CHECK(nowhere.ranks == 0);
  locum_store store;
  CHECK_STATUS(locum_runtime_store(runtime, "", NULL, &store), LOCUM_INVALID_ARGUMENT);
  CHECK_STATUS(locum_runtime_store(runtime, NULL, NULL, &store), LOCUM_INVALID_ARGUMENT);
  /* A handle of another kind. */
  CHECK_STATUS(locum_runtime_store((locum_runtime)(void *)fields, "fields", NULL, &store), LOCUM_INVALID_ARGUMENT);
  CHECK_STATUS(locum_runtime_store(runtime, "fields", &(locum_store_options){.checksum = true}, &store),
               LOCUM_OPTIONS_DIFFER);
}

static void what_it_tells(void) {
  locum_string text;
  CHECK_OK(locum_runtime_report(runtime, &text));
  CHECK(text.length == strlen(text.text) && strstr(text.text, "memory by node") != NULL);
  CHECK_OK(locum_string_release(&text));
  CHECK(text.text == NULL);
  CHECK_OK(locum_runtime_report_all(runtime, 0, &text));
  CHECK(text.length > 0);
  CHECK_OK(locum_string_release(&text));
  int32_t lost[2];
  size_t count = 99;
  CHECK_OK(locum_runtime_lost_ranks(runtime, lost, 2, &count));
  CHECK(count == 0);
}

/* Calls the runtime and a store of it until both say that they are closed; counts what else they say. */
static pthread_mutex_t counting = PTHREAD_MUTEX_INITIALIZER;
static pthread_cond_t counted = PTHREAD_COND_INITIALIZER;
static int polling, wrong;

static void *poll_until_closed(void *handle) {
  const locum_runtime own = *(const locum_runtime *)handle;
  locum_status of_runtime = LOCUM_OK, of_store = LOCUM_OK;
  for (bool is_first = true; of_runtime == LOCUM_OK || of_store == LOCUM_OK; is_first = false) {
    locum_string text;
    bool exists;
    of_runtime = locum_runtime_report(own, &text);
    (void)locum_string_release(&text);
    of_store = locum_exists(fields, "none", 0, &exists);
    if (is_first) {
      pthread_mutex_lock(&counting);
      ++polling;
      pthread_cond_signal(&counted);
      pthread_mutex_unlock(&counting);
    }
  }
  pthread_mutex_lock(&counting);
  /* LOCUM_INVALID_ARGUMENT: the handle has ended. */
  wrong += (of_runtime != LOCUM_CLOSED && of_runtime != LOCUM_INVALID_ARGUMENT) || of_store != LOCUM_CLOSED;
  pthread_mutex_unlock(&counting);
  return NULL;
}

/* Threads that call the runtime all the time do not keep it from being closed. */
static void closed_beside_calls(void) {
  enum { count = 4 };
  pthread_t threads[count];
  locum_runtime copy = runtime;
  for (int at = 0; at < count; ++at) {
    CHECK(pthread_create(&threads[at], NULL, poll_until_closed, &copy) == 0);
  }
  struct timespec until;
  clock_gettime(CLOCK_REALTIME, &until);
  until.tv_sec += 60;
  pthread_mutex_lock(&counting);
  while (polling < count && pthread_cond_timedwait(&counted, &counting, &until) == 0) {
  }
  CHECK(polling == count);
  pthread_mutex_unlock(&counting);
  CHECK_OK(locum_runtime_close(&runtime, 60));
  CHECK(runtime == NULL);
  CHECK_STATUS(locum_runtime_close(&copy, 1), LOCUM_INVALID_ARGUMENT);
  for (int at = 0; at < count; ++at) {
    pthread_join(threads[at], NULL);
  }
  CHECK(wrong == 0);
}

int main(int argc, char **argv) {
  CHECK_STATUS(locum_runtime_open_f(0, NULL, &runtime), LOCUM_INVALID_ARGUMENT);
  CHECK(strstr(locum_error_message(), "MPI is not initialised") != NULL);
  MPI_Init(&argc, &argv);
  const bool is_forgotten = argc > 1 && strcmp(argv[1], "forgotten") == 0;
  const locum_runtime_options options = {.memory_bytes = 64 << 20, .timeout_s = 60, .name = "of this test"};
  CHECK_OK(locum_runtime_open_f(MPI_Comm_c2f(MPI_COMM_WORLD), &options, &runtime));
  CHECK_OK(locum_runtime_place(runtime, &place));
  int rank, ranks;
  MPI_Comm_rank(MPI_COMM_WORLD, &rank);
  MPI_Comm_size(MPI_COMM_WORLD, &ranks);
  CHECK(place.rank == rank && place.ranks == ranks && place.node < place.nodes);
  CHECK_OK(locum_runtime_store(runtime, "fields", NULL, &fields));
  if (argc > 1 && strcmp(argv[1], "fails") == 0) {
    locum_view never;
    if (rank == 0) {
      CHECK_OK(locum_runtime_fail(&runtime));
    }
    return locum_wait(fields, "never", &(locum_get_options){.deadline_s = 600}, &never) != LOCUM_OK;
  }
  if (argc > 1 && strcmp(argv[1], "stream") == 0) { /* which is not closed */
    locum_ranks ranks_of_stream;
    locum_step_writer left;
    CHECK_OK(locum_runtime_ranks(runtime, MPI_COMM_WORLD, &ranks_of_stream));
    CHECK_OK(locum_step_writer_open(ranks_of_stream, "left", NULL, &left));
    CHECK_OK(locum_store_release(&fields));
    CHECK_OK(locum_runtime_close(&runtime, 0));
    MPI_Finalize();
    return failures;
  }
  if (argc > 1 && strcmp(argv[1], "unreleased") == 0) { /* a store and a view */
    objects_of_other_ranks();
    static locum_view left_view;
    CHECK_OK(locum_get(fields, name_of("T", rank), NULL, &left_view));
    CHECK_OK(locum_runtime_close(&runtime, 0));
    MPI_Finalize();
    return failures;
  }
  if (is_forgotten) {
    MPI_Finalize();
    return failures;
  }
  char folder[] = "/tmp/locum_c_runtime.XXXXXX";
  if (rank == 0) {
    CHECK(mkdtemp(folder) != NULL);
  }
  MPI_Bcast(folder, sizeof folder, MPI_CHAR, 0, MPI_COMM_WORLD);
  objects_of_other_ranks();
  updates();
  batches();
  futures();
  notifications();
  stand_ins();
  tasks();
  steps();
  refused_in_steps();
  abandoned_steps();
  checkpoints(folder);
  checkpoint_in_background(folder);
  files_once_a_node(folder);
  parts_of_files(folder);
  misuse();
  what_it_tells();

  /* A view outlives the runtime; a store does not. */
  locum_view view;
  CHECK_OK(locum_get(fields, name_of("T", next_rank()), NULL, &view));
  closed_beside_calls();
  CHECK(((const double *)view.array.data)[1] == 100 * next_rank() + 1);
  CHECK_OK(locum_view_release(&view));
  CHECK_STATUS(locum_get(fields, "T/0", NULL, &view), LOCUM_CLOSED);
  CHECK_OK(locum_store_release(&fields));
  if (rank == 0) {
    char command[64];
    snprintf(command, sizeof command, "rm -r %s", folder);
    CHECK(system(command) == 0);
  }
#if defined(__SANITIZE_ADDRESS__)
  __lsan_do_leak_check(); /* what MPI_Finalize unloads could not be told apart from leaks */
#endif
  int all = 0;
  MPI_Allreduce(&failures, &all, 1, MPI_INT, MPI_SUM, MPI_COMM_WORLD);
  if (rank == 0 && all == 0) {
    puts("passed");
  }
  MPI_Finalize();
  return all != 0;
}

/* Shards and epochs in C. */
#include <stdint.h>
#include <stdlib.h>

#include <locum/locum.h>

#include "check.h"

#define SAMPLES 23
#define RANKS 3

static locum_array number_at(int64_t* memory) {
  return (locum_array){.type = LOCUM_I64, .data = memory};
}

struct source {
  int64_t next;
  int64_t end;
  int64_t memory;
  locum_status last;
};

static locum_status next_sample(locum_array* sample, void* context) {
  struct source* source = context;
  if (source->next == source->end) {
    return source->last == LOCUM_OK ? LOCUM_END_OF_STREAM : locum_fail(source->last, "the source broke");
  }
  source->memory = source->next++;
  *sample = number_at(&source->memory);
  return LOCUM_OK;
}

static int64_t number_of(locum_view* view) {
  int64_t number = -1;
  CHECK(view->array.type == LOCUM_I64 && view->array.rank == 0);
  if (view->array.type == LOCUM_I64) {
    memcpy(&number, view->array.data, sizeof number);
  }
  CHECK_OK(locum_view_release(view));
  return number;
}

static void writes_and_reads_shards(locum_shards shards) {
  int64_t numbers[3] = {7, 8, 9};
  const float matrix[2][2] = {{1, 2}, {3, 4}};
  const locum_array samples[4] = {number_at(&numbers[0]),
                                  number_at(&numbers[1]),
                                  number_at(&numbers[2]),
                                  {.type = LOCUM_F32, .rank = 2, .extents = {2, 2}, .data = (void*)matrix}};
  locum_names given;
  CHECK_OK(locum_shards_set(shards, "b", 4, samples, 0, &given));
  CHECK(given.count == 1 && strcmp(given.names[0].first, "b") == 0);
  CHECK_OK(locum_names_release(&given));
  CHECK_STATUS(locum_shards_set(shards, "b", 4, samples, 0, NULL), LOCUM_KEY_EXISTS);
  CHECK_OK(locum_shards_set(shards, NULL, 1, samples, 0, &given));
  CHECK(given.count == 1 && given.names[0].length > 0);
  CHECK_OK(locum_shards_remove(shards, given.names[0].first, 0, NULL));
  CHECK_OK(locum_names_release(&given));

  locum_shard shard = NULL;
  uint64_t count = 0;
  CHECK_STATUS(locum_shards_get(shards, "none", 0, &shard), LOCUM_NOT_FOUND);
  CHECK_OK(locum_shards_get(shards, "b", 0, &shard));
  CHECK_OK(locum_shard_count(shard, &count));
  CHECK(count == 4);
  locum_view view;
  CHECK_OK(locum_shard_sample(shard, 1, 0, &view));
  CHECK(number_of(&view) == 8);
  CHECK_STATUS(locum_shard_sample(shard, 4, 0, &view), LOCUM_INVALID_ARGUMENT);
  CHECK_OK(locum_shard_sample(shard, 3, 0, &view));
  bool existed = false;
  CHECK_OK(locum_shards_remove(shards, "b", 0, &existed));
  CHECK(existed);
  CHECK_OK(locum_shard_release(&shard));
  CHECK(shard == NULL);
  /* The view outlives shard and file. */
  CHECK(view.array.type == LOCUM_F32 && view.array.rank == 2 && view.array.extents[1] == 2);
  CHECK(view.array.data != NULL && memcmp(view.array.data, matrix, sizeof matrix) == 0);
  CHECK_OK(locum_view_release(&view));
}

static void a_source_that_fails_leaves_nothing(locum_shards shards) {
  struct source source = {.end = 5, .last = LOCUM_CORRUPT};
  CHECK_STATUS(locum_shards_set_each(shards, "half", next_sample, &source, 0, NULL), LOCUM_CORRUPT);
  CHECK(strstr(locum_error_message(), "the source broke") != NULL);
  int64_t number = 1;
  const locum_array bad[2] = {number_at(&number), {.type = LOCUM_ENCODED, .rank = 1}};
  CHECK_STATUS(locum_shards_set(shards, "half", 2, bad, 0, NULL), LOCUM_INVALID_ARGUMENT);
  CHECK(strstr(locum_error_message(), "sample 1") != NULL);
  locum_names keys;
  CHECK_OK(locum_shards_keys(shards, NULL, 10, 0, &keys));
  CHECK(keys.count == 0);
  CHECK_OK(locum_names_release(&keys));
}

static void epochs_give_each_sample_once_also_after_a_restart(locum_shards shards) {
  struct source first = {.end = 10};
  struct source second = {.next = 10, .end = SAMPLES};
  CHECK_OK(locum_shards_set_each(shards, "x", next_sample, &first, 0, NULL));
  CHECK_OK(locum_shards_set_each(shards, "y", next_sample, &second, 0, NULL));
  locum_names keys;
  CHECK_OK(locum_shards_keys(shards, "x", 10, 0, &keys));
  CHECK(keys.count == 1 && strcmp(keys.names[0].first, "y") == 0);
  CHECK_OK(locum_names_release(&keys));
  locum_view index;
  CHECK_OK(locum_shards_index(shards, 0, &index));
  CHECK(index.array.type == LOCUM_ENCODED);
  CHECK_OK(locum_view_release(&index));

  int seen[SAMPLES] = {0};
  locum_view states[RANKS];
  locum_array parts[RANKS];
  locum_epochs_options options = {.seed = 5, .shuffle_block = 8};
  for (uint64_t rank = 0; rank < RANKS; ++rank) {
    locum_epochs epochs = NULL;
    locum_view view;
    CHECK_OK(locum_epochs_open(shards, rank, RANKS, &options, &epochs));
    for (int at = 0; at < 3; ++at) {
      CHECK_OK(locum_epochs_next(epochs, 0, &view));
      const int64_t number = number_of(&view);
      if (at < 2 && number >= 0 && number < SAMPLES) {
        ++seen[number];
      }
    }
    uint64_t position = 0;
    CHECK_OK(locum_epochs_position(epochs, &position));
    CHECK(position == 3);
    uint64_t damaged = 1;
    CHECK_OK(locum_epochs_damaged(epochs, &damaged));
    CHECK(damaged == 0);
    CHECK_STATUS(locum_epochs_damaged(epochs, NULL), LOCUM_INVALID_ARGUMENT);
    /* The third sample was read ahead, and is not consumed. */
    CHECK_OK(locum_epochs_state_at(epochs, 2, &states[rank]));
    parts[rank] = states[rank].array;
    uint64_t skipped = 0;
    CHECK_OK(locum_epochs_skip(epochs, 1, 0, NULL));
    CHECK_OK(locum_epochs_skip(epochs, UINT64_MAX, 0, &skipped));
    CHECK(skipped + 4 == SAMPLES / RANKS || skipped + 4 == SAMPLES / RANKS + 1);
    CHECK_STATUS(locum_epochs_next(epochs, 0, &view), LOCUM_END_OF_STREAM);
    CHECK_OK(locum_epochs_close(&epochs));
  }
  locum_view whole;
  CHECK_STATUS(locum_epochs_join(RANKS - 1, parts, &whole), LOCUM_INVALID_ARGUMENT);
  CHECK_OK(locum_epochs_join(RANKS, parts, &whole));
  options.state = &whole.array;
  for (uint64_t rank = 0; rank < 2; ++rank) {
    locum_epochs epochs = NULL;
    locum_view view;
    CHECK_OK(locum_epochs_open(shards, rank, 2, &options, &epochs));
    locum_status status = LOCUM_OK;
    while ((status = locum_epochs_next(epochs, 0, &view)) == LOCUM_OK) {
      const int64_t number = number_of(&view);
      CHECK(number >= 0 && number < SAMPLES);
      ++seen[number < 0 ? 0 : number % SAMPLES];
    }
    CHECK_STATUS(status, LOCUM_END_OF_STREAM);
    CHECK_OK(locum_epochs_close(&epochs));
  }
  for (int at = 0; at < SAMPLES; ++at) {
    CHECK(seen[at] == 1);
  }
  CHECK_OK(locum_view_release(&whole));
  for (int rank = 0; rank < RANKS; ++rank) {
    CHECK_OK(locum_view_release(&states[rank]));
  }
}

static void wrong_calls_are_refused(locum_shards shards) {
  locum_epochs epochs = NULL;
  locum_epochs_options options = {.remainder = 9};
  CHECK_STATUS(locum_epochs_open(shards, 0, 1, &options, &epochs), LOCUM_INVALID_ARGUMENT);
  CHECK_STATUS(locum_epochs_open(shards, 0, 1, &(locum_epochs_options){.reserved = {1}}, &epochs),
               LOCUM_UNSUPPORTED);
  CHECK_STATUS(locum_epochs_open(NULL, 0, 1, NULL, &epochs), LOCUM_INVALID_ARGUMENT);
  CHECK(epochs == NULL);
  locum_shards other = NULL;
  CHECK_STATUS(locum_shards_open_url(NULL, NULL, &other), LOCUM_INVALID_ARGUMENT);
  CHECK_STATUS(locum_shards_open_url("tmp:", &(locum_shards_options){.codec = "none"}, &other),
               LOCUM_UNSUPPORTED);
  CHECK(other == NULL);
  CHECK_OK(locum_shards_open_url("tmp:", &(locum_shards_options){.readonly = 1}, &other));
  CHECK_STATUS(locum_shards_set(other, "k", 0, NULL, 0, NULL), LOCUM_UNSUPPORTED);
  CHECK_OK(locum_shards_close(&other));
  CHECK_STATUS(locum_shards_close(&other), LOCUM_INVALID_ARGUMENT);
}

int main(void) {
  locum_shards shards = NULL;
  CHECK_OK(locum_shards_open_url("tmp:", NULL, &shards));
  writes_and_reads_shards(shards);
  a_source_that_fails_leaves_nothing(shards);
  epochs_give_each_sample_once_also_after_a_restart(shards);
  wrong_calls_are_refused(shards);
  CHECK_OK(locum_shards_close(&shards));

  locum_store store = NULL;
  CHECK_OK(locum_open("memory:", NULL, &store));
  CHECK_OK(locum_shards_open_store(store, NULL, &shards));
  writes_and_reads_shards(shards);
  CHECK_OK(locum_shards_close(&shards));
  CHECK_OK(locum_store_release(&store));

  locum_files files = NULL;
  CHECK_OK(locum_files_open("memory:", &files));
  CHECK_OK(locum_shards_open(files, "train", NULL, &shards));
  CHECK_OK(locum_files_close(&files));
  writes_and_reads_shards(shards);
  CHECK_OK(locum_shards_close(&shards));
  return failures == 0 ? EXIT_SUCCESS : EXIT_FAILURE;
}

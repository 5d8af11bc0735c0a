// The tables of handles, which have no destructors: see Handles. Made before all else, so that none is being
// made at a fork.
#include "core/c/objects.hpp"

namespace locum::c {

namespace {

/// Numbers of the kinds. They never change: see Handles. `runtimes` has 127 (mpi/c).
enum Kind : std::uint8_t {
  of_sessions = 1,
  of_stores = 2,
  of_writers = 3,
  of_futures = 4,
  of_proxies = 5,
  of_promises = 6,
  of_queues = 7,
  of_tasks = 8,
  of_sides = 9,
  of_step_writers = 10,
  of_output_steps = 11,
  of_step_readers = 12,
  of_input_steps = 13,
  of_files = 14,
  of_loaded_files = 15,
  of_saved_files = 16,
  of_answers = 17,
  of_experiments = 18,
  of_zarr_arrays = 19,
  of_zarr_groups = 20,
  of_shard_sets = 21,
  of_single_shards = 22,
  of_open_epochs = 23,
};

}  // namespace

Handles<Session>& sessions() {
  static constinit Handles<Session> all(of_sessions);
  return all;
}

Handles<OpenedStore>& stores() {
  static constinit Handles<OpenedStore> all(of_stores);
  return all;
}

Handles<Writer<std::byte>>& writers() {
  static constinit Handles<Writer<std::byte>> all(of_writers);
  return all;
}

Handles<AsyncCall>& futures() {
  static constinit Handles<AsyncCall> all(of_futures);
  return all;
}

Handles<RawProxy>& proxies() {
  static constinit Handles<RawProxy> all(of_proxies);
  return all;
}

Handles<RawPromise>& promises() {
  static constinit Handles<RawPromise> all(of_promises);
  return all;
}

Handles<RawTaskQueue>& queues() {
  static constinit Handles<RawTaskQueue> all(of_queues);
  return all;
}

Handles<RawTask>& tasks() {
  static constinit Handles<RawTask> all(of_tasks);
  return all;
}

Handles<StepSide>& sides() {
  static constinit Handles<StepSide> all(of_sides);
  return all;
}

Handles<std::shared_ptr<const Files>>& files() {
  static constinit Handles<std::shared_ptr<const Files>> all(of_files);
  return all;
}

Handles<std::shared_ptr<const ZarrArray>>& zarr_arrays() {
  static constinit Handles<std::shared_ptr<const ZarrArray>> all(of_zarr_arrays);
  return all;
}

Handles<std::shared_ptr<const ZarrGroup>>& zarr_groups() {
  static constinit Handles<std::shared_ptr<const ZarrGroup>> all(of_zarr_groups);
  return all;
}

Handles<std::shared_ptr<LoadedFile>>& loaded_files() {
  static constinit Handles<std::shared_ptr<LoadedFile>> all(of_loaded_files);
  return all;
}

Handles<std::shared_ptr<SavedFile>>& saved_files() {
  static constinit Handles<std::shared_ptr<SavedFile>> all(of_saved_files);
  return all;
}

Handles<std::shared_ptr<Experiment>>& experiments() {
  static constinit Handles<std::shared_ptr<Experiment>> all(of_experiments);
  return all;
}

Handles<std::shared_ptr<Answer>>& answers() {
  static constinit Handles<std::shared_ptr<Answer>> all(of_answers);
  return all;
}

Handles<std::shared_ptr<OpenedShards>>& shard_sets() {
  static constinit Handles<std::shared_ptr<OpenedShards>> all(of_shard_sets);
  return all;
}

Handles<std::shared_ptr<OpenedShard>>& single_shards() {
  static constinit Handles<std::shared_ptr<OpenedShard>> all(of_single_shards);
  return all;
}

Handles<std::shared_ptr<OpenedEpochs>>& open_epochs() {
  static constinit Handles<std::shared_ptr<OpenedEpochs>> all(of_open_epochs);
  return all;
}

Handles<StepWriter>& step_writers() {
  static constinit Handles<StepWriter> all(of_step_writers);
  return all;
}

Handles<OutputStep>& output_steps() {
  static constinit Handles<OutputStep> all(of_output_steps);
  return all;
}

Handles<StepReader>& step_readers() {
  static constinit Handles<StepReader> all(of_step_readers);
  return all;
}

Handles<InputStep>& input_steps() {
  static constinit Handles<InputStep> all(of_input_steps);
  return all;
}

}  // namespace locum::c

// The tables of handles. None is ever destroyed: see Handles.
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
};

}  // namespace

Handles<Session>& sessions() {
  static auto& all = *new Handles<Session>(of_sessions);
  return all;
}

Handles<OpenedStore>& stores() {
  static auto& all = *new Handles<OpenedStore>(of_stores);
  return all;
}

Handles<Writer<std::byte>>& writers() {
  static auto& all = *new Handles<Writer<std::byte>>(of_writers);
  return all;
}

Handles<AsyncCall>& futures() {
  static auto& all = *new Handles<AsyncCall>(of_futures);
  return all;
}

Handles<RawProxy>& proxies() {
  static auto& all = *new Handles<RawProxy>(of_proxies);
  return all;
}

Handles<RawPromise>& promises() {
  static auto& all = *new Handles<RawPromise>(of_promises);
  return all;
}

Handles<RawTaskQueue>& queues() {
  static auto& all = *new Handles<RawTaskQueue>(of_queues);
  return all;
}

Handles<RawTask>& tasks() {
  static auto& all = *new Handles<RawTask>(of_tasks);
  return all;
}

Handles<StepSide>& sides() {
  static auto& all = *new Handles<StepSide>(of_sides);
  return all;
}

Handles<StepWriter>& step_writers() {
  static auto& all = *new Handles<StepWriter>(of_step_writers);
  return all;
}

Handles<OutputStep>& output_steps() {
  static auto& all = *new Handles<OutputStep>(of_output_steps);
  return all;
}

Handles<StepReader>& step_readers() {
  static auto& all = *new Handles<StepReader>(of_step_readers);
  return all;
}

Handles<InputStep>& input_steps() {
  static auto& all = *new Handles<InputStep>(of_input_steps);
  return all;
}

}  // namespace locum::c

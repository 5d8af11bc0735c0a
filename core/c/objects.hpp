#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <utility>
#include <variant>

#include "core/async_result.hpp"
#include "core/c/errors.hpp"
#include "core/c/handles.hpp"
#include "core/c/loaded_value.hpp"
#include "core/c/locum.h"
#include "core/checkpoint_options.hpp"
#include "core/raw_promise.hpp"
#include "core/raw_proxy.hpp"
#include "core/raw_store.hpp"
#include "core/raw_task_queue.hpp"
#include "core/session.hpp"
#include "core/step_options.hpp"
#include "core/step_reader.hpp"
#include "core/step_writer.hpp"
#include "core/store.hpp"
#include "core/writer.hpp"

namespace locum {
class Experiment;  // of transport/storage, as are those that follow
class Files;
struct FilesOptions;
class ZarrArray;
class ZarrGroup;
}  // namespace locum

namespace locum::c {

class LoadedFile;  // of transport/storage, like those that follow
class SavedFile;
class Answer;
struct OpenedShards;
struct OpenedShard;
struct OpenedEpochs;

/// A store, with the calls for values whose types are known at run time.
struct OpenedStore {
  Store store;
  RawStore raw;
};

/// What an asynchronous call gives: an object, a value of a file, a key, the number of elements that it has
/// read, or what a checkpoint contains.
using AsyncCall = std::variant<AsyncResult<RawView>, LoadedValue, AsyncResult<Key>, AsyncResult<std::size_t>,
                               AsyncResult<CheckpointReport>>;

/// Return the handles of the process, by kind. Those from writers() on are used by one thread at a time.
[[nodiscard]] Handles<Session>& sessions();
[[nodiscard]] Handles<OpenedStore>& stores();
[[nodiscard]] Handles<AsyncCall>& futures();
[[nodiscard]] Handles<RawProxy>& proxies();
[[nodiscard]] Handles<RawPromise>& promises();
[[nodiscard]] Handles<RawTaskQueue>& queues();
[[nodiscard]] Handles<StepSide>& sides();
[[nodiscard]] Handles<std::shared_ptr<const Files>>& files();
[[nodiscard]] Handles<std::shared_ptr<const ZarrArray>>& zarr_arrays();
[[nodiscard]] Handles<std::shared_ptr<const ZarrGroup>>& zarr_groups();
[[nodiscard]] Handles<std::shared_ptr<LoadedFile>>& loaded_files();
[[nodiscard]] Handles<std::shared_ptr<SavedFile>>& saved_files();
[[nodiscard]] Handles<std::shared_ptr<Answer>>& answers();
[[nodiscard]] Handles<std::shared_ptr<OpenedShards>>& shard_sets();
[[nodiscard]] Handles<std::shared_ptr<OpenedShard>>& single_shards();
[[nodiscard]] Handles<Writer<std::byte>>& writers();
[[nodiscard]] Handles<RawTask>& tasks();
[[nodiscard]] Handles<StepWriter>& step_writers();
[[nodiscard]] Handles<OutputStep>& output_steps();
[[nodiscard]] Handles<StepReader>& step_readers();
[[nodiscard]] Handles<InputStep>& input_steps();
[[nodiscard]] Handles<std::shared_ptr<Experiment>>& experiments();
[[nodiscard]] Handles<std::shared_ptr<OpenedEpochs>>& open_epochs();

/// Empties what a call returns, so that after an error it holds nothing to be released.
template <class Out>
void clear(Out* out) noexcept {
  if (out != nullptr) {
    *out = {};
  }
}

/// Calls the body of a function of the C interface with the store of the handle; see guarded().
template <class Body>
locum_status on_store(locum_store store, Body body) noexcept {
  return guarded([&] {
    const auto opened = stores().use(store);
    return opened ? body(*opened) : no_handle("store");
  });
}

/// Calls `body` with the object of the handle, or returns the error of a handle that is none of a `kind`.
template <class Object, class Body>
locum_status on(Handles<Object>& all, const void* handle, const char* kind, Body body) noexcept {
  return guarded([&] {
    const auto used = all.use(handle);
    return used ? body(*used) : no_handle(kind);
  });
}
/// Overload for objects that one thread at a time uses.
template <class Object, class Body>
locum_status alone_on(Handles<Object>& all, const void* handle, const char* kind, Body body) noexcept {
  return guarded([&] {
    const auto used = all.use_alone(handle);
    return used ? body(*used) : no_handle(kind);
  });
}
/// Calls `body` with the object that the handle in `*handle` had, and sets that to NULL.
template <class Object, class Handle, class Body>
locum_status on_last(Handles<Object>& all, Handle* handle, const char* kind, Body body) noexcept {
  return guarded([&] {
    if (handle == nullptr) {
      return is_null(kind);
    }
    auto taken = all.take(*handle);
    if (!taken) {
      return no_handle(kind);
    }
    *handle = nullptr;
    return body(*taken);
  });
}
/// Ends the handle in `*handle`, and sets that to NULL; its object is destroyed when no thread uses it.
template <class Object, class Handle>
locum_status release(Handles<Object>& all, Handle* handle, const char* kind) noexcept {
  return guarded([&] {
    if (handle == nullptr) {
      return is_null(kind);
    }
    const bool removed = all.remove(*handle);
    *handle = nullptr;
    return removed ? LOCUM_OK : no_handle(kind);
  });
}

/// Returns the error of a process with as many handles of a kind as there may be.
[[nodiscard]] locum_status no_handle_left();
/// Makes a handle of the object in `*handle`.
template <class Object, class Handle>
[[nodiscard]] locum_status give(Handles<Object>& all, Object object, Handle* handle) {
  *handle = static_cast<Handle>(all.add(std::move(object)));
  return *handle == nullptr ? no_handle_left() : LOCUM_OK;
}
/// Makes a handle of the store in `*store`, or returns the error.
[[nodiscard]] locum_status give_store(const Result<Store>& opened, locum_store* store);

/// Returns the options of files, which may be NULL. Throws Error `invalid_argument`, `unsupported`.
[[nodiscard]] FilesOptions files_options(const locum_files_options* options);

}  // namespace locum::c

// Checkpoints and restores.
#include <string_view>
#include <variant>

#include "core/c/conversions.hpp"
#include "core/c/errors.hpp"
#include "core/checkpoint_options.hpp"
#include "mpi/c/runtimes.hpp"

using namespace locum;
using namespace locum::c;

namespace {

[[nodiscard]] std::string_view text_or_none(const char* text) noexcept {
  return text == nullptr ? std::string_view() : std::string_view(text);
}

[[nodiscard]] RestoreOptions restoring(const locum_restore_options* options) {
  RestoreOptions how;
  require_known(options);
  if (options != nullptr) {
    how = {.prefix = text_or_none(options->prefix),
           .keep_handles = !options->forget_handles,
           .skip_damaged = options->skip_damaged,
           .lazy = options->lazy,
           .deadline = limit_of(options->deadline_s)};
  }
  return how;
}

[[nodiscard]] CheckpointOptions writing(const locum_checkpoint_options* options) {
  CheckpointOptions how;
  require_known(options);
  if (options != nullptr) {
    how.prefix = text_or_none(options->prefix);
    how.keep = options->keep;
    how.compress = options->compress;
    how.incremental = options->incremental;
    how.xdmf = options->xdmf;
    how.deadline = limit_of(options->deadline_s);
  }
  return how;
}

[[nodiscard]] locum_status give_report(const Result<CheckpointReport>& made,
                                       locum_checkpoint_report* report) {
  if (made && report != nullptr) {
    *report = {.objects = made->objects,
               .bytes = made->bytes,
               .reused_bytes = made->reused_bytes,
               .files = made->files,
               .number = made->number,
               .damaged_objects = made->damaged_objects,
               .reserved = {}};
  }
  return status_of(made);
}

// `call` makes or restores the checkpoint.
template <class Call>
locum_status checkpointed(locum_runtime runtime, const char* store, const char* path,
                          locum_checkpoint_report* report, Call call) noexcept {
  clear(report);
  return on_runtime(runtime, [&](Runtime& open) {
    if (store == nullptr || path == nullptr) {
      return is_null(store == nullptr ? "store" : "path");
    }
    return give_report(call(open), report);
  });
}

}  // namespace

locum_status locum_checkpoint(locum_runtime runtime, const char* store, const char* path,
                              const locum_checkpoint_options* options, locum_checkpoint_report* report) {
  return checkpointed(runtime, store, path, report,
                      [&](Runtime& open) { return open.checkpoint(store, path, writing(options)); });
}

locum_status locum_checkpoint_async(locum_runtime runtime, const char* store, const char* path,
                                    const locum_checkpoint_options* options, locum_future* future) {
  clear(future);
  return on_runtime(runtime, [&](Runtime& open) {
    if (store == nullptr || path == nullptr || future == nullptr) {
      return is_null(store == nullptr ? "store" : path == nullptr ? "path" : "future");
    }
    return give<AsyncCall>(futures(), open.checkpoint_async(store, path, writing(options)), future);
  });
}

locum_status locum_future_checkpoint(locum_future future, double deadline_s,
                                     locum_checkpoint_report* report) {
  clear(report);
  return on(futures(), future, "future", [&](AsyncCall& of_any) {
    auto* const call = std::get_if<AsyncResult<CheckpointReport>>(&of_any);
    return call == nullptr ? failed(Error(Errc::invalid_argument,
                                          "this future is of no checkpoint; take the object or the key that "
                                          "it gives, or wait for it"))
                           : give_report(call->get(limit_of(deadline_s)), report);
  });
}

locum_status locum_restore(locum_runtime runtime, const char* store, const char* path,
                           const locum_restore_options* options, locum_checkpoint_report* report) {
  return checkpointed(runtime, store, path, report,
                      [&](Runtime& open) { return open.restore(store, path, restoring(options)); });
}

locum_status locum_restore_latest(locum_runtime runtime, const char* store, const char* pattern,
                                  const locum_restore_options* options, locum_checkpoint_report* report) {
  return checkpointed(runtime, store, pattern, report,
                      [&](Runtime& open) { return open.restore_latest(store, pattern, restoring(options)); });
}

locum_status locum_checkpoint_requested(locum_runtime runtime, double deadline_s, bool* requested) {
  clear(requested);
  return on_runtime(runtime, [&](Runtime& open) {
    if (requested == nullptr) {
      return is_null("requested");
    }
    *requested = open.checkpoint_requested(limit_of(deadline_s));
    return LOCUM_OK;
  });
}

#include "mpi/c/runtime_options.hpp"

#include <chrono>
#include <string_view>

#include "core/c/conversions.hpp"
#include "core/c/errors.hpp"

namespace locum::c {

namespace {

[[nodiscard]] std::string_view text_or_none(const char* text) noexcept {
  return text == nullptr ? std::string_view() : std::string_view(text);
}

void set(std::chrono::milliseconds& duration, double seconds) noexcept {
  if (seconds != 0) {
    duration = milliseconds_of(seconds);
  }
}

}  // namespace

Result<RuntimeOptions> runtime_options(const locum_runtime_options* options) {
  RuntimeOptions how;
  require_known(options);
  if (options == nullptr) {
    return how;
  }
  how.memory_bytes = options->memory_bytes;
  set(how.timeout, options->timeout_s);
  set(how.collective_timeout, options->collective_timeout_s);
  set(how.peer_timeout, options->peer_timeout_s);
  how.prefetch_bytes = options->prefetch_bytes;
  how.prepare_bytes = options->prepare_bytes;
  how.spill_bytes = options->spill_bytes;
  how.spill_folder = text_or_none(options->spill_folder);
  how.stores = text_or_none(options->stores);
  how.name = text_or_none(options->name);
  how.ranks_per_node = options->ranks_per_node;
  how.checkpoint_signal = options->checkpoint_signal;
  how.as_others = options->as_others;
  switch (options->transport) {
    case LOCUM_TRANSPORT_AUTOMATIC:
      how.transport = TransportKind::automatic;
      break;
    case LOCUM_TRANSPORT_UCX:
      how.transport = TransportKind::ucx;
      break;
    case LOCUM_TRANSPORT_MPI:
      how.transport = TransportKind::mpi;
      break;
    default:
      return Error(Errc::invalid_argument, "transport is none of the numbers of locum_transport");
  }
  switch (options->log) {
    case LOCUM_LOG_WARNINGS:
      how.log = Log::warnings;
      break;
    case LOCUM_LOG_OFF:
      how.log = Log::off;
      break;
    case LOCUM_LOG_INFO:
      how.log = Log::info;
      break;
    default:
      return Error(Errc::invalid_argument, "log is none of the numbers of locum_log");
  }
  return how;
}

StoreOptions store_options(const locum_store_options& options) {
  StoreOptions how;
  require_known(&options);
  set(how.timeout, options.timeout_s);
  how.memory_bytes = options.memory_bytes;
  set(how.lifetime, options.lifetime_s);
  how.checksum = options.checksum;
  how.connector = text_or_none(options.connector);
  return how;
}

}  // namespace locum::c

// Runtimes, and what they make.
#include <cmath>
#include <cstddef>
#include <cstdint>

#include "core/fortran/closed.hpp"
#include "core/fortran/options.hpp"
#include "core/fortran/outcome.hpp"
#include "core/fortran/seconds.hpp"
#include "core/fortran/text.hpp"
#include "mpi/c/locum_mpi.h"

using namespace locum::fortran;

extern "C" {

locum_status locum_fortran_runtime_open(
    int communicator, const std::int64_t* memory_bytes, const double* timeout,
    const double* collective_timeout, const double* peer_timeout, const std::int64_t* prefetch_bytes,
    const std::int64_t* prepare_bytes, const std::int64_t* spill_bytes, const char* spill_folder,
    std::size_t spill_folder_length, const char* stores, std::size_t stores_length, const char* name,
    std::size_t name_length, const std::int32_t* ranks_per_node, const std::int32_t* transport,
    const std::int32_t* log, const std::int32_t* checkpoint_signal, bool as_others, locum_runtime* runtime) {
  const Text folder_text(spill_folder, spill_folder_length);
  const Text stores_text(stores, stores_length);
  const Text name_text(name, name_length);
  locum_status wrong = check_closed(*runtime, "runtime", "close");
  wrong = wrong != LOCUM_OK ? wrong : folder_text.check("spill_folder");
  wrong = wrong != LOCUM_OK ? wrong : stores_text.check("stores");
  wrong = wrong != LOCUM_OK ? wrong : name_text.check("name");
  wrong = wrong != LOCUM_OK ? wrong : check_least(memory_bytes, "memory_bytes", 0);
  wrong = wrong != LOCUM_OK ? wrong : check_least(prefetch_bytes, "prefetch_bytes", 0);
  wrong = wrong != LOCUM_OK ? wrong : check_least(prepare_bytes, "prepare_bytes", 0);
  wrong = wrong != LOCUM_OK ? wrong : check_least(spill_bytes, "spill_bytes", 0);
  if (wrong != LOCUM_OK) {
    return wrong;
  }
  locum_runtime_options options{};
  options.memory_bytes = given_or_default<std::uint64_t>(memory_bytes);
  options.timeout_s = seconds(timeout);
  options.collective_timeout_s = seconds(collective_timeout);
  options.peer_timeout_s = seconds(peer_timeout);
  options.prefetch_bytes = given_or_default<std::uint64_t>(prefetch_bytes);
  options.prepare_bytes = given_or_default<std::uint64_t>(prepare_bytes);
  options.spill_bytes = given_or_default<std::uint64_t>(spill_bytes);
  options.spill_folder = folder_text.c_str();
  options.stores = stores_text.c_str();
  options.name = name_text.c_str();
  options.ranks_per_node = given_or_default<std::int32_t>(ranks_per_node);
  options.transport = given_or_default<std::int32_t>(transport);
  options.log = given_or_default<std::int32_t>(log);
  options.checkpoint_signal = given_or_default<std::int32_t>(checkpoint_signal);
  options.as_others = as_others;
  return outcome(locum_runtime_open_f(communicator, &options, runtime));
}

locum_status locum_fortran_runtime_close(locum_runtime* runtime, const double* within) {
  return outcome(locum_runtime_close(runtime, deadline(within)));
}

locum_status locum_fortran_runtime_fail(locum_runtime* runtime) {
  return outcome(locum_runtime_fail(runtime));
}

locum_status locum_fortran_runtime_lost_ranks(locum_runtime runtime, std::int32_t* ranks, std::size_t room,
                                              std::size_t* count) {
  *count = 0;
  return outcome(locum_runtime_lost_ranks(runtime, ranks, room, count));
}

// `string` is to be released, also after an error, of which it is empty.
locum_status locum_fortran_runtime_report(locum_runtime runtime, bool of_all, const double* within,
                                          locum_string* string) {
  *string = {"", 0, nullptr};
  return outcome(of_all ? locum_runtime_report_all(runtime, deadline(within), string)
                        : locum_runtime_report(runtime, string));
}

void locum_fortran_string_release(locum_string* string) {
  if (string->library != nullptr) {
    static_cast<void>(locum_string_release(string));
  }
}

locum_status locum_fortran_runtime_place(locum_runtime runtime, std::int32_t* numbers) {
  locum_place place{};
  const locum_status status = outcome(locum_runtime_place(runtime, &place));
  numbers[0] = place.rank;
  numbers[1] = place.ranks;
  numbers[2] = place.node;
  numbers[3] = place.nodes;
  return status;
}

locum_status locum_fortran_runtime_store(locum_runtime runtime, const char* name, std::size_t length,
                                         const char* connector, std::size_t connector_length,
                                         const std::int64_t* memory_bytes, const double* lives,
                                         const double* timeout, bool checksum, locum_store* store) {
  const Text text(name, length);
  const Text connector_text(connector, connector_length);
  locum_status wrong = check_closed(*store, "store", "close");
  wrong = wrong != LOCUM_OK ? wrong : text.check("name");
  wrong = wrong != LOCUM_OK ? wrong : connector_text.check("connector");
  wrong = wrong != LOCUM_OK ? wrong : check_least(memory_bytes, "memory_bytes", 0);
  if (wrong != LOCUM_OK) {
    return wrong;
  }
  const bool has_options =
      connector != nullptr || memory_bytes != nullptr || lives != nullptr || timeout != nullptr || checksum;
  // Of a store, 0 is for ever, and an end that never comes is no lifetime.
  const double life = std::isinf(lifetime(lives)) ? 0 : seconds(lives);
  const locum_store_options options{.timeout_s = seconds(timeout),
                                    .memory_bytes = given_or_default<std::uint64_t>(memory_bytes),
                                    .lifetime_s = life,
                                    .checksum = checksum,
                                    .connector = connector_text.c_str(),
                                    .reserved = {}};
  return outcome(locum_runtime_store(runtime, text.c_str(), has_options ? &options : nullptr, store));
}

locum_status locum_fortran_runtime_files(locum_runtime runtime, const char* url, std::size_t length,
                                         locum_files* files) {
  const Text text(url, length);
  locum_status wrong = check_closed(*files, "handle of files", "close");
  wrong = wrong != LOCUM_OK ? wrong : text.check("url");
  return wrong != LOCUM_OK ? wrong : outcome(locum_files_of(runtime, text.c_str(), files));
}

locum_status locum_fortran_runtime_drop(locum_runtime runtime, const char* name, std::size_t length,
                                        const double* within) {
  const Text text(name, length);
  const locum_status wrong = text.check("name");
  return wrong != LOCUM_OK ? wrong : outcome(locum_runtime_drop(runtime, text.c_str(), deadline(within)));
}

locum_status locum_fortran_runtime_flush(locum_runtime runtime, const double* within) {
  return outcome(locum_runtime_flush(runtime, deadline(within)));
}

locum_status locum_fortran_runtime_ranks(locum_runtime runtime, int communicator, locum_ranks* ranks) {
  const locum_status wrong = check_closed(*ranks, "description of ranks", "release");
  return wrong != LOCUM_OK ? wrong : outcome(locum_runtime_ranks_f(runtime, communicator, ranks));
}

}  // extern "C"

#pragma once

#include <optional>
#include <string_view>

#include "core/value/error.hpp"
#include "core/value/options.hpp"
#include "mpi/runtime/runtime.hpp"

namespace locum::job {

/// Of a runtime whose stores are over backends: its own memory is used little.
inline constexpr RuntimeOptions beside_backends{.memory_bytes = 64_MiB};

/// What opening a store with these options throws, if it does.
[[nodiscard]] inline std::optional<Error> error_of_store(const Runtime& runtime, const StoreOptions& options,
                                                         std::string_view name = "needing") {
  try {
    (void)runtime.store(name, options);
  } catch (const Error& error) {
    return error;
  }
  return std::nullopt;
}

/// Its code; `Errc{}`: it was opened.
[[nodiscard]] inline Errc code_of_opening(const Runtime& runtime, const StoreOptions& options) {
  const auto error = error_of_store(runtime, options, "kept");
  return error ? error->code() : Errc{};
}

}  // namespace locum::job

#pragma once

#include <string>
#include <utility>

#include "core/value/options.hpp"
#include "core/value/result.hpp"
#include "mpi/communicator.hpp"
#include "mpi/group.hpp"
#include "transport/storage/configuration.hpp"

namespace locum::mpi {

/// The options that a rank asks for. Moved, the text stays where it is: it is longer than a small string. A
/// copy would refer to the text of the original.
struct AskedOptions {
  std::string text;  ///< to which the name of the options refers, if they are another rank's
  Result<RuntimeOptions> options;

  AskedOptions(std::string name_text, Result<RuntimeOptions> asked)
      : text(std::move(name_text)), options(std::move(asked)) {}
  AskedOptions(AskedOptions&&) noexcept = default;
  AskedOptions& operator=(AskedOptions&&) noexcept = default;
  ~AskedOptions() = default;
};

/// `given`, or in the place of RuntimeOptions::as_others the options of the lowest rank that gives its own.
/// Collective. Errors are for agreed_options(): `invalid_argument` if no rank gives any, `options_differ` if
/// that rank has another version of the library. Throws only `timeout` and `peer_lost`.
[[nodiscard]] AskedOptions asked_options(Communicator& communicator, const Result<RuntimeOptions>& given,
                                         Moment moment);

/// The options that all ranks agree on. Collective; throws the same Error on all ranks: what is wrong with
/// some rank's options, or `options_differ` with the lines in which ranks differ. The versions of the library
/// and of its wire format count as options, too.
[[nodiscard]] RuntimeOptions agreed_options(CommunicatorGroup& group, const Result<RuntimeOptions>& asked);

/// What stores are opened with (RuntimeOptions::stores), as rank 0 reads it, so that it is the same
/// everywhere; nothing, without an exchange, if the path is empty. Collective; throws the same Error on all
/// ranks.
[[nodiscard]] Configuration agreed_stores(CommunicatorGroup& group, const std::string& path);

}  // namespace locum::mpi

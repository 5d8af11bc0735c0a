#pragma once

#include <functional>
#include <map>
#include <string>
#include <string_view>
#include <vector>

#include <locum/backend_session.hpp>
#include <locum/options.hpp>
#include <locum/result.hpp>
#include <locum/store.hpp>

namespace locum {

/// Options of stores by their names, so that a file can define where they are kept, and no program has to be
/// compiled again. In TOML:
///
///     [stores.results]
///     connector = "zstd+file:/scratch/run17"  # the URL of a backend: see locum::open()
///     lifetime = "3 days"                     # a number of ms, s, min, h or days; so is timeout
///     checksum = true                         # true or false; so is keep_decoded
///     [stores.fields]                         # without a connector: in the memory of the job's nodes
///     memory_bytes = "4 GiB"                  # a number of B, KiB, MiB, GiB or TiB
///
///     [experiments]
///     url = "file:///scratch/experiments"     # of an Experiment that is given none
///
/// The fields of stores are those of StoreOptions, except `needs`, which the program sets. A configuration
/// contains no secret: a URL refers to one (secret_in()). A value; several threads may read one.
class Configuration {
 public:
  /// Adds a store, or changes its options. `invalid_argument`: the name is not of 1 byte to 64 KiB, the
  /// connector is no URL or has a secret in it, needs are given, or an option is out of range.
  [[nodiscard]] Result<void> set(std::string_view store, const StoreOptions& options);
  [[nodiscard]] bool contains(std::string_view store) const;
  /// Returns the options of a store, for Runtime::store(). Their connector refers to this configuration.
  /// `not_found`, which lists the existing stores.
  [[nodiscard]] Result<StoreOptions> options(std::string_view store) const&;
  Result<StoreOptions> options(std::string_view store) const&& = delete;
  /// Returns the names, ascending.
  [[nodiscard]] std::vector<std::string> stores() const;

  /// Sets where experiments are that are given no URL; empty: nowhere. `invalid_argument`: it is no URL, or
  /// has a secret in it.
  [[nodiscard]] Result<void> set_experiments(std::string_view url);
  [[nodiscard]] const std::string& experiments() const noexcept { return experiments_; }

  friend bool operator==(const Configuration&, const Configuration&) = default;

 private:
  struct Entry {
    StoreOptions options;  ///< without a connector
    std::string connector;

    friend bool operator==(const Entry&, const Entry&) = default;
  };

  std::map<std::string, Entry, std::less<>> stores_;
  std::string experiments_;
};

/// Returns the configuration as TOML, without fields that have their default value. The text holds no secret.
/// If its names and URLs are UTF-8, and it is within the limits of parse_configuration(), that returns the
/// same configuration.
[[nodiscard]] std::string to_toml(const Configuration& configuration);

/// Reads a configuration from a file of at most 1 MiB and 4096 dots. `not_found`, `system` (the file cannot
/// be read); `invalid_argument`: it is no file, no TOML, or has a field that is unknown, of another type or
/// out of range. The error names file and line, and shows nothing of the file but names of stores and fields.
/// `unsupported`: this build of the library lacks the parser; the error names the CMake option and the
/// package. Blocks as long as the file system does.
[[nodiscard]] Result<Configuration> read_configuration(const std::string& path);
/// Like read_configuration(), but reads TOML text, which errors call `name`.
[[nodiscard]] Result<Configuration> parse_configuration(std::string_view text, std::string_view name);
/// \cond library
/// Returns the text of such a file unchanged.
[[nodiscard]] Result<std::string> configuration_text(const std::string& path);
/// \endcond

/// Opens the store of that name over the backend of its connector, for programs without a Runtime. Each call
/// opens a session of its own. `not_found` (Configuration::options), `invalid_argument` (the store has no
/// connector), and the errors of locum::open_session() and Session::open(). Blocks while the backend does.
/// Any thread may call.
[[nodiscard]] Result<Store> open(const Configuration& configuration, std::string_view store,
                                 const BackendSessionOptions& options = {});

}  // namespace locum

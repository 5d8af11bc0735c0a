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

/// What stores are opened with, by their names, so that a file can say where they live, and no program has to
/// be compiled again. As TOML:
///
///     [stores.results]
///     connector = "zstd+file:/scratch/run17"  # the URL of a backend: see locum::open()
///     lifetime = "3 days"                     # a number of ms, s, min, h or days; so is timeout
///     checksum = true                         # true or false; so is keep_decoded
///     [stores.fields]                         # without a connector: in the memory of the job's nodes
///     memory_bytes = "4 GiB"                  # a number of B, KiB, MiB, GiB or TiB
///
/// The fields are those of StoreOptions, but for its needs, which are the program's. A secret is never part
/// of it: a URL says where one is (secret_in()). A value; several threads may read one.
class Configuration {
 public:
  /// Adds a store, or changes its options. `invalid_argument`: the name is not of 1 byte to 64 KiB, the
  /// connector is no URL or has a secret in it, needs are given, or an option is out of range.
  [[nodiscard]] Result<void> set(std::string_view store, const StoreOptions& options);
  [[nodiscard]] bool contains(std::string_view store) const;
  /// For Runtime::store(). Their connector refers to this configuration. `not_found`, which lists the stores
  /// that there are.
  [[nodiscard]] Result<StoreOptions> options(std::string_view store) const&;
  Result<StoreOptions> options(std::string_view store) const&& = delete;
  /// The names, ascending.
  [[nodiscard]] std::vector<std::string> stores() const;

  friend bool operator==(const Configuration&, const Configuration&) = default;

 private:
  struct Entry {
    StoreOptions options;  ///< without a connector
    std::string connector;

    friend bool operator==(const Entry&, const Entry&) = default;
  };

  std::map<std::string, Entry, std::less<>> stores_;
};

/// The configuration as TOML, without what is as it would be anyway. It holds no secret. If its names and
/// URLs are UTF-8, and the text is within its limits, parse_configuration() gives the same configuration
/// again.
[[nodiscard]] std::string to_toml(const Configuration& configuration);

/// The configuration that a file says, which has at most 1 MiB and 4096 dots. `not_found`, `system` (the file
/// cannot be read); `invalid_argument`: it is no file, no TOML, or has a field that there is none, or one of
/// another type or out of range. The error names file and line, and shows nothing of the file but names of
/// stores and fields. `unsupported`: this build of the library lacks the parser; the error names the CMake
/// option and the package. Blocks as long as the file system does.
[[nodiscard]] Result<Configuration> read_configuration(const std::string& path);
/// The same of TOML text, which errors call `name`.
[[nodiscard]] Result<Configuration> parse_configuration(std::string_view text, std::string_view name);
/// \cond library
/// The text of such a file, as it is.
[[nodiscard]] Result<std::string> configuration_text(const std::string& path);
/// \endcond

/// The store of that name over the backend of its connector, for programs without a Runtime. Each call has a
/// session of its own. `not_found` (Configuration::options), `invalid_argument` (the store has no connector),
/// and the errors of locum::open_session() and Session::open(). Blocks while the backend does. Any thread.
[[nodiscard]] Result<Store> open(const Configuration& configuration, std::string_view store,
                                 const BackendSessionOptions& options = {});

}  // namespace locum

#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include <locum/result.hpp>

namespace locum {

/// A URL of a backend: `scheme://user@host:port/path?option=value&option=value`, or `scheme:path?…` without a
/// host. Bytes may be written as `%` and two hexadecimal digits. A secret is never part of it: an option like
/// `password` or `encrypt.key` refers to one (see secret_in()).
struct Url {
  std::vector<std::string>
      wrappers;        ///< before the scheme, each with a `+` behind it; the first is the outermost
  std::string scheme;  ///< lower case
  std::string user;
  std::string host;        ///< without the brackets of an IPv6 address; decoded
  std::uint16_t port = 0;  ///< 0: none given
  std::string path;        ///< with its first `/`, if there was one; decoded
  std::vector<std::pair<std::string, std::string>> options;  ///< in their order, decoded

  /// Returns the value of an option; empty if it is not given.
  [[nodiscard]] std::string_view option(std::string_view name) const noexcept;
  /// Returns the value as a number, `otherwise` if it is not given; `invalid_argument` if it is none.
  [[nodiscard]] Result<std::uint64_t> number(std::string_view name, std::uint64_t otherwise) const;
  /// Like number(), but only for the values 0 and 1.
  [[nodiscard]] Result<bool> flag(std::string_view name, bool otherwise) const;
  /// Checks the names of the options: `invalid_argument`, which lists `names`, if one is none of these.
  [[nodiscard]] Result<void> knows_only(std::vector<std::string_view> names) const;
};

/// Parses a URL. `invalid_argument` if it is none, or has a password in it, a zero byte, more than 64 KiB,
/// more than 16 wrappers, or options that are URLs again, more than 8 deep.
[[nodiscard]] Result<Url> parse_url(std::string_view text);
/// Returns the text of a URL, for people, logs and configurations: it holds no secret.
[[nodiscard]] std::string to_string(const Url& url);

/// Returns the secret of a reference: `env:NAME` (a variable of the environment), `file:PATH` (a file's first
/// line) or `keyring:NAME` (the key of type "user" of that name in the process's, the session's or the user's
/// keyring of the Linux kernel, without the end of line behind it). `invalid_argument` if it is no reference,
/// `not_found` if there is none, `unsupported` if the kernel shows this process no keys, as in many
/// containers, `system` if that key may not be read; no error holds the secret. Does not wait.
[[nodiscard]] Result<std::string> secret_in(std::string_view reference);

}  // namespace locum

// Where secrets are read from. Here and not in core, because the keyring is the kernel's.

#include <linux/keyctl.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <cerrno>
#include <cstdlib>
#include <cstring>
#include <string>

#include "core/url.hpp"
#include "core/value/error.hpp"
#include "transport/storage/file_calls.hpp"

namespace locum {

namespace {

/// No key of type "user" has more.
constexpr std::size_t longest_key = 32767;
constexpr std::size_t largest_file = std::size_t{1} << 20U;

Error no_secret(const std::string& place) {
  return Error(Errc::not_found, place + "; it has to hold the secret");
}

Error no_key(const std::string& name, int error_number) {
  const std::string detail = std::strerror(error_number);
  const std::string add = "'keyctl padd user " + name + " @u', which reads it from its standard input";
  switch (error_number) {
    case ENOKEY:
      return Error(
          Errc::not_found,
          "the keyring has no key of type user that is named " + name + "; add it on this host by " + add,
          detail);
    case EKEYEXPIRED:
    case EKEYREVOKED:
    case EKEYREJECTED:
      return Error(Errc::not_found, "the key " + name + " is no longer valid; add it again by " + add,
                   detail);
    case EPERM:
    case ENOSYS:
    case EOPNOTSUPP:
      return Error(Errc::unsupported,
                   "the system lets this process read no keys, as in many containers; use env:NAME or "
                   "file:PATH",
                   detail);
    case EACCES:
      return Error(Errc::system,
                   "this process may not read the key " + name +
                       "; link the user's keyring to the session's by 'keyctl link @u @s', or give rights by "
                       "keyctl setperm",
                   detail);
    default:
      return Error(Errc::system, "the key " + name + " cannot be read; look at it by keyctl show", detail);
  }
}

// Negative: -errno. A search, unlike request_key(), waits for nobody who is to bring the key.
long found_key(const std::string& name) {
  long failed = -ENOKEY;
  for (const long keyring : {KEY_SPEC_PROCESS_KEYRING, KEY_SPEC_SESSION_KEYRING, KEY_SPEC_USER_KEYRING}) {
    const long key = ::syscall(SYS_keyctl, KEYCTL_SEARCH, keyring, "user", name.c_str(), 0);
    if (key >= 0) {
      return key;
    }
    if (errno != ENOKEY) {
      failed = -errno;
    }
  }
  return failed;
}

Result<std::string> secret_in_keyring(const std::string& name) {
  const long key = found_key(name);
  if (key < 0) {
    return no_key(name, static_cast<int>(-key));
  }
  std::string secret(longest_key, '\0');
  const long size = ::syscall(SYS_keyctl, KEYCTL_READ, key, secret.data(), secret.size());
  if (size < 0) {
    return no_key(name, errno);
  }
  if (static_cast<std::size_t>(size) > secret.size()) {
    return no_key(name, EFBIG);
  }
  secret.resize(static_cast<std::size_t>(size));
  if (secret.ends_with('\n')) {
    secret.pop_back();  // as it stands in the file or the line that it came from
  }
  return secret.empty() ? Result<std::string>(no_secret("the key " + name + " is empty")) : secret;
}

}  // namespace

Result<std::string> secret_in(std::string_view reference) {
  const auto rest = [&](std::string_view kind) { return std::string(reference.substr(kind.size())); };
  if (reference.starts_with("env:")) {
    const std::string name = rest("env:");
    const char* const value = std::getenv(name.c_str());
    return value != nullptr && *value != '\0' ? Result<std::string>(value)
                                              : no_secret("the variable " + name + " of the environment is " +
                                                          (value == nullptr ? "not set" : "empty"));
  }
  if (reference.starts_with("file:")) {
    const std::string path = rest("file:");
    const auto text = storage::text_of_small_file(path, largest_file);
    if (!text) {
      return Error(text.error().code(), "a secret: " + text.error().text(), text.error().detail());
    }
    std::string line = text->substr(0, text->find('\n'));
    if (line.empty()) {
      return no_secret("the first line of the file '" + path + "' is empty");
    }
    return line;
  }
  if (reference.starts_with("keyring:") && reference != "keyring:") {
    return secret_in_keyring(rest("keyring:"));
  }
  return Error(Errc::invalid_argument,
               "a secret is given by its reference: env:NAME, file:PATH or keyring:NAME");
}

}  // namespace locum

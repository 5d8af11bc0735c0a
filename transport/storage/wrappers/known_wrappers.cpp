// The wrappers that URLs can name, and how each reads its options.

#include "transport/storage/wrappers/known_wrappers.hpp"

#include <algorithm>
#include <ranges>
#include <string>
#include <utility>
#include <vector>

#include "transport/storage/backend_list.hpp"
#include "transport/storage/open.hpp"
#include "transport/storage/wrappers/wrappers.hpp"

namespace locum::storage {

#if !LOCUM_WITH_ZSTD
Result<std::shared_ptr<Backend>> compressed_by_zstd(std::shared_ptr<Backend> /*inner*/, int /*level*/) {
  return not_in_build("zstd", "LOCUM_WITH_ZSTD", "libzstd-dev");
}
#endif
#if !LOCUM_WITH_LZ4
Result<std::shared_ptr<Backend>> compressed_by_lz4(std::shared_ptr<Backend> /*inner*/) {
  return not_in_build("lz4", "LOCUM_WITH_LZ4", "liblz4-dev");
}
#endif
#if !LOCUM_WITH_SODIUM
Result<std::shared_ptr<Backend>> encrypted(std::shared_ptr<Backend> /*inner*/,
                                           const EncryptionOptions& /*options*/) {
  return not_in_build("encrypt", "LOCUM_WITH_SODIUM", "libsodium-dev");
}
#endif

namespace {

using Opened = Result<std::shared_ptr<Backend>>;

/// What a wrapper is made of: the backend below it, and its own options, without their prefix.
using Wrap = Opened (*)(std::shared_ptr<Backend> inner, const Url& options);

struct KnownWrapper {
  std::string_view name;
  std::vector<std::string_view> options;
  Wrap wrap;
};

Result<std::chrono::milliseconds> milliseconds(const Url& options, std::string_view name,
                                               std::chrono::milliseconds otherwise) {
  // A deadline of a hundred years is none; more would not fit the clock.
  constexpr std::uint64_t longest = std::uint64_t{100} * 365 * 24 * 3600 * 1000;
  const auto given = options.number(name, static_cast<std::uint64_t>(otherwise.count()));
  return given ? Result<std::chrono::milliseconds>(
                     std::chrono::milliseconds(static_cast<std::int64_t>(std::min(*given, longest))))
               : given.error();
}

/// The second backend, of those that have two.
Opened open_second(const Url& options) {
  const std::string_view to = options.option("to");
  if (to.empty()) {
    return Error(Errc::invalid_argument,
                 options.scheme + ": needs " + options.scheme +
                     ".to, the URL of the second backend, with % and two digits for each of its ?, & and %");
  }
  return open_backend(to);
}

Opened wrap_audit(std::shared_ptr<Backend> inner, const Url& options) {
  return audited(std::move(inner), {std::string(options.option("file")), std::string(options.option("who"))});
}

Opened wrap_cache(std::shared_ptr<Backend> inner, const Url& options) {
  const CacheOptions usual;
  const auto bytes = options.number("bytes", usual.bytes);
  const auto longest = milliseconds(options, "ms", usual.longest);
  return !bytes ? bytes.error() : !longest ? longest.error() : cached(std::move(inner), {*bytes, *longest});
}

Opened wrap_checksum(std::shared_ptr<Backend> inner, const Url& /*options*/) {
  return with_checksum(std::move(inner));
}

Opened wrap_default(std::shared_ptr<Backend> inner, const Url& options) {
  return with_default(std::move(inner), std::string(options.option("name")));
}

Opened wrap_encrypt(std::shared_ptr<Backend> inner, const Url& options) {
  EncryptionOptions keys{std::string(options.option("key")), {}};
  for (const auto one : std::views::split(options.option("old"), ',')) {
    if (!one.empty()) {
      keys.old_keys.emplace_back(one.begin(), one.end());
    }
  }
  return encrypted(std::move(inner), keys);
}

Opened wrap_fallback(std::shared_ptr<Backend> inner, const Url& options) {
  auto second = open_second(options);
  return second ? with_fallback(std::move(inner), std::move(*second)) : std::move(second);
}

Opened wrap_fanout(std::shared_ptr<Backend> inner, const Url& options) {
  auto second = open_second(options);
  return second ? fanned_out(std::move(inner), std::move(*second)) : std::move(second);
}

Opened wrap_limit(std::shared_ptr<Backend> inner, const Url& options) {
  const auto bytes = options.number("bytes", 0);
  return bytes ? size_limited(std::move(inner), *bytes) : bytes.error();
}

Opened wrap_log(std::shared_ptr<Backend> inner, const Url& options) {
  return logged(std::move(inner), std::string(options.option("file")));
}

Opened wrap_lz4(std::shared_ptr<Backend> inner, const Url& /*options*/) {
  return compressed_by_lz4(std::move(inner));
}

Opened wrap_prefix(std::shared_ptr<Backend> inner, const Url& options) {
  return prefixed(std::move(inner),
                  {std::string(options.option("space")), std::string(options.option("name"))});
}

Opened wrap_read_only(std::shared_ptr<Backend> inner, const Url& /*options*/) {
  return read_only(std::move(inner));
}

Opened wrap_retry(std::shared_ptr<Backend> inner, const Url& options) {
  const RetryOptions usual;
  constexpr std::uint64_t most_times = 1000;
  const auto times = options.number("times", usual.times);
  const auto first = milliseconds(options, "ms", usual.first_pause);
  const auto longest = milliseconds(options, "longest_ms",
                                    first ? std::max(usual.longest_pause, *first) : usual.longest_pause);
  if (!times || !first || !longest) {
    return !times ? times.error() : !first ? first.error() : longest.error();
  }
  return retried(std::move(inner),
                 {static_cast<std::uint32_t>(std::min(*times, most_times)), *first, *longest});
}

Opened wrap_stats(std::shared_ptr<Backend> inner, const Url& options) {
  const std::string_view name = options.option("name");
  auto statistics = statistics_of(name.empty() ? inner->traits().scheme : name);
  return counted(std::move(inner), std::move(statistics));
}

Opened wrap_timeout(std::shared_ptr<Backend> inner, const Url& options) {
  const auto longest = milliseconds(options, "ms", {});
  return longest ? time_limited(std::move(inner), *longest) : longest.error();
}

Opened wrap_ttl(std::shared_ptr<Backend> inner, const Url& options) {
  const auto otherwise = milliseconds(options, "ms", {});
  const auto longest = milliseconds(options, "longest_ms", {});
  return !otherwise ? otherwise.error()
         : !longest ? longest.error()
                    : with_lifetime(std::move(inner), {*otherwise, *longest});
}

Opened wrap_zstd(std::shared_ptr<Backend> inner, const Url& options) {
  const auto level = options.number("level", 3);
  return level ? compressed_by_zstd(std::move(inner), static_cast<int>(std::min<std::uint64_t>(*level, 1000)))
               : level.error();
}

const std::vector<KnownWrapper>& known_wrappers() {
  static const std::vector<KnownWrapper> known{
      // clang-format off
      {"audit", {"file", "who"}, wrap_audit},
      {"cache", {"bytes", "ms"}, wrap_cache},
      {"checksum", {}, wrap_checksum},
      {"default", {"name"}, wrap_default},
      {"encrypt", {"key", "old"}, wrap_encrypt},
      {"fallback", {"to"}, wrap_fallback},
      {"fanout", {"to"}, wrap_fanout},
      {"limit", {"bytes"}, wrap_limit},
      {"log", {"file"}, wrap_log},
      {"lz4", {}, wrap_lz4},
      {"prefix", {"space", "name"}, wrap_prefix},
      {"readonly", {}, wrap_read_only},
      {"retry", {"times", "ms", "longest_ms"}, wrap_retry},
      {"stats", {"name"}, wrap_stats},
      {"timeout", {"ms"}, wrap_timeout},
      {"ttl", {"ms", "longest_ms"}, wrap_ttl},
      {"zstd", {"level"}, wrap_zstd},
      // clang-format on
  };
  return known;
}

const KnownWrapper* find_wrapper(std::string_view name) {
  const auto& known = known_wrappers();
  const auto found = std::ranges::find(known, name, &KnownWrapper::name);
  return found == known.end() ? nullptr : &*found;
}

Error unknown_wrapper(const std::string& name) {
  if (name == "nodes") {
    return Error(Errc::unsupported,
                 "nodes: is the memory of a job's nodes, which only a runtime has; give the URL to "
                 "a store of it");
  }
  std::string all;
  for (const KnownWrapper& one : known_wrappers()) {
    all += all.empty() ? "" : ", ";
    all += one.name;
  }
  return Error(Errc::unsupported, "no wrapper has the name '" + name + "'; there are " + all);
}

// "level" of "zstd.level", if that is an option of this wrapper.
std::string_view own_option(std::string_view option, std::string_view wrapper) {
  return option.size() > wrapper.size() + 1 && option.starts_with(wrapper) && option[wrapper.size()] == '.'
             ? option.substr(wrapper.size() + 1)
             : std::string_view();
}

/// The options of a wrapper, as a URL of its own: its errors then name the wrapper.
Url options_of(const KnownWrapper& wrapper, const Url& all) {
  Url own;
  own.scheme = wrapper.name;
  for (const auto& [name, value] : all.options) {
    if (const std::string_view option = own_option(name, wrapper.name); !option.empty()) {
      own.options.emplace_back(option, value);
    }
  }
  return own;
}

}  // namespace

Opened open_wrapped(Url url, const std::function<Opened(const Url& url)>& open) {
  std::vector<std::pair<const KnownWrapper*, Url>> wrappers;
  for (const std::string& name : url.wrappers) {
    const KnownWrapper* const wrapper = find_wrapper(name);
    if (wrapper == nullptr) {
      return unknown_wrapper(name);
    }
    Url own = options_of(*wrapper, url);
    if (auto known = own.knows_only(wrapper->options); !known) {
      return known.error();
    }
    wrappers.emplace_back(wrapper, std::move(own));
  }
  for (const KnownWrapper& wrapper : known_wrappers()) {
    const auto is_own = [&](const auto& option) { return !own_option(option.first, wrapper.name).empty(); };
    const auto given = std::ranges::find_if(url.options, is_own);
    if (given != url.options.end() && std::ranges::find(url.wrappers, wrapper.name) == url.wrappers.end()) {
      return Error(Errc::invalid_argument, "the option '" + given->first + "' is of the wrapper " +
                                               std::string(wrapper.name) +
                                               ", which the URL does not name; write " +
                                               std::string(wrapper.name) + "+" + url.scheme + ":");
    }
    std::erase_if(url.options, is_own);
  }
  url.wrappers.clear();
  auto backend = open(url);
  for (const auto& [wrapper, own] : std::views::reverse(wrappers)) {
    if (!backend) {
      return backend;
    }
    backend = wrapper->wrap(std::move(*backend), own);
  }
  return backend;
}

}  // namespace locum::storage

#include "core/format_registry.hpp"

#include <algorithm>
#include <map>
#include <string>
#include <utility>

#include "core/base/mutex.hpp"

namespace locum {

namespace {

struct KnownFormats {
  using Names = std::map<std::string, std::shared_ptr<const Format>, std::less<>>;

  Mutex mutex;
  Names by_name LOCUM_GUARDED_BY(mutex);
  Names by_ending LOCUM_GUARDED_BY(mutex);

  [[nodiscard]] bool has_name_or_ending_of(const FormatTraits& traits) const LOCUM_REQUIRES(mutex) {
    for (const std::string_view ending : traits.endings) {
      if (by_ending.contains(ending)) {
        return true;
      }
    }
    return by_name.contains(traits.name);
  }
  void remove(const std::shared_ptr<const Format>& format) LOCUM_REQUIRES(mutex) {
    std::erase_if(by_ending, [&](const auto& entry) { return entry.second == format; });
    std::erase_if(by_name, [&](const auto& entry) { return entry.second == format; });
  }
  void add(std::shared_ptr<const Format> format) LOCUM_REQUIRES(mutex) {
    for (const std::string_view ending : format->traits().endings) {
      by_ending.emplace(ending, format);
    }
    const std::string name(format->traits().name);
    by_name.emplace(name, std::move(format));
  }
};

// Never destroyed: static objects of any source file use it.
KnownFormats& registry_of_formats() {
  static auto* const made = new KnownFormats;
  return *made;
}

std::string in_lower_case(std::string_view text) {
  std::string lower(text);
  for (char& letter : lower) {
    if (letter >= 'A' && letter <= 'Z') {
      letter = static_cast<char>(letter - 'A' + 'a');
    }
  }
  return lower;
}

bool is_usable(const FormatTraits& traits) {
  return !traits.name.empty() && std::ranges::all_of(traits.endings, [](std::string_view ending) {
    return ending.size() > 1 && ending.front() == '.' && ending.find('/') == std::string_view::npos &&
           in_lower_case(ending) == ending;
  });
}

}  // namespace

bool register_format(std::shared_ptr<const Format> format) {
  if (!format || !is_usable(format->traits())) {
    return false;
  }
  KnownFormats& known = registry_of_formats();
  const MutexLock lock(known.mutex);
  if (known.has_name_or_ending_of(format->traits())) {
    return false;
  }
  known.add(std::move(format));
  return true;
}

void detail::register_format_of_library(std::shared_ptr<const Format> format) {
  KnownFormats& known = registry_of_formats();
  const MutexLock lock(known.mutex);
  const FormatTraits& traits = format->traits();
  while (known.has_name_or_ending_of(traits)) {
    std::shared_ptr<const Format> other;
    if (const auto named = known.by_name.find(traits.name); named != known.by_name.end()) {
      other = named->second;
    }
    for (const std::string_view ending : traits.endings) {
      const auto of_ending = known.by_ending.find(ending);
      other = other || of_ending == known.by_ending.end() ? other : of_ending->second;
    }
    known.remove(other);
  }
  known.add(std::move(format));
}

std::shared_ptr<const Format> format_named(std::string_view name) {
  KnownFormats& known = registry_of_formats();
  const MutexLock lock(known.mutex);
  const auto found = known.by_name.find(name);
  return found == known.by_name.end() ? nullptr : found->second;
}

std::shared_ptr<const Format> format_of(std::string_view path) {
  const std::string lower = in_lower_case(path);
  KnownFormats& known = registry_of_formats();
  const MutexLock lock(known.mutex);
  std::size_t longest = 0;
  std::shared_ptr<const Format> found;
  for (const auto& [ending, format] : known.by_ending) {
    if (ending.size() > longest && lower.ends_with(ending)) {
      longest = ending.size();
      found = format;
    }
  }
  return found;
}

std::vector<std::shared_ptr<const Format>> registered_formats() {
  KnownFormats& known = registry_of_formats();
  const MutexLock lock(known.mutex);
  std::vector<std::shared_ptr<const Format>> formats;
  formats.reserve(known.by_name.size());
  for (const auto& [name, format] : known.by_name) {
    formats.push_back(format);
  }
  return formats;
}

}  // namespace locum

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

}  // namespace

bool register_format(std::shared_ptr<const Format> format) {
  if (!format) {
    return false;
  }
  KnownFormats& known = registry_of_formats();
  const FormatTraits& traits = format->traits();
  const MutexLock lock(known.mutex);
  if (known.by_name.contains(traits.name)) {
    return false;
  }
  for (const std::string_view ending : traits.endings) {
    if (known.by_ending.contains(ending)) {
      return false;
    }
  }
  for (const std::string_view ending : traits.endings) {
    known.by_ending.emplace(ending, format);
  }
  known.by_name.emplace(traits.name, std::move(format));
  return true;
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

#include "core/backend_registry.hpp"

#include <cstdio>
#include <map>
#include <set>
#include <utility>

#include "core/base/mutex.hpp"

namespace locum {

namespace {

struct Registry {
  Mutex mutex;
  std::map<std::string, BackendOpener, std::less<>> openers LOCUM_GUARDED_BY(mutex);
  std::set<std::string, std::less<>> reserved LOCUM_GUARDED_BY(mutex);
};

// Never destroyed: static objects of any source file use it.
Registry& registry_of_backends() {
  static auto* const made = new Registry;
  return *made;
}

}  // namespace

bool register_backend(std::string scheme, BackendOpener open) {
  Registry& known = registry_of_backends();
  const MutexLock lock(known.mutex);
  return !known.reserved.contains(scheme) && known.openers.emplace(std::move(scheme), std::move(open)).second;
}

void detail::reserve_schemes(const std::vector<std::string>& schemes) {
  Registry& known = registry_of_backends();
  const MutexLock lock(known.mutex);
  for (const std::string& scheme : schemes) {
    if (known.reserved.insert(scheme).second && known.openers.erase(scheme) > 0) {
      (void)std::fprintf(
          stderr,
          "locum: a backend of the program is left out: its scheme '%s' is one of the library's; "
          "choose another\n",
          scheme.c_str());
    }
  }
}

BackendOpener find_backend(std::string_view scheme) {
  Registry& known = registry_of_backends();
  const MutexLock lock(known.mutex);
  const auto found = known.openers.find(scheme);
  return found == known.openers.end() ? BackendOpener() : found->second;
}

std::vector<std::string> registered_schemes() {
  Registry& known = registry_of_backends();
  const MutexLock lock(known.mutex);
  std::vector<std::string> schemes;
  schemes.reserve(known.openers.size());
  for (const auto& [scheme, open] : known.openers) {
    schemes.push_back(scheme);
  }
  return schemes;
}

}  // namespace locum

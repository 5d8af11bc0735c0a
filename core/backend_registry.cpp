#include "core/backend_registry.hpp"

#include <map>
#include <utility>

#include "core/base/mutex.hpp"

namespace locum {

namespace {

struct Registry {
  Mutex mutex;
  std::map<std::string, BackendOpener, std::less<>> openers LOCUM_GUARDED_BY(mutex);
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
  return known.openers.emplace(std::move(scheme), std::move(open)).second;
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

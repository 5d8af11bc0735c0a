#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "core/ports/directory.hpp"

namespace locum::tests {

/// Forwards all calls to another directory; tests override some functions.
class ForwardingDirectory : public Directory {
 public:
  explicit ForwardingDirectory(std::shared_ptr<Directory> directory) : directory_(std::move(directory)) {}

  Result<std::uint64_t> bind(const Key& key, const SealOptions& options, WaitBudget budget) override {
    return directory_->bind(key, options, budget);
  }
  Result<Pin> find(std::uint32_t store, std::string_view name, WaitBudget budget) override {
    return directory_->find(store, name, budget);
  }
  Result<bool> unbind(std::uint32_t store, std::string_view name, const Key& only,
                      WaitBudget budget) override {
    return directory_->unbind(store, name, only, budget);
  }
  Result<std::uint64_t> generation(std::uint64_t hash, WaitBudget budget) override {
    return directory_->generation(hash, budget);
  }
  Result<std::vector<std::string>> names(std::uint32_t store, std::string_view prefix,
                                         WaitBudget budget) override {
    return directory_->names(store, prefix, budget);
  }
  Result<Pin> wait(std::uint32_t store, std::string_view name, Deadline::Clock::time_point moment) override {
    return directory_->wait(store, name, moment);
  }
  bool watch(std::uint64_t hash, std::shared_ptr<NameWatcher> watcher) override {
    return directory_->watch(hash, std::move(watcher));
  }

 private:
  const std::shared_ptr<Directory> directory_;
};

}  // namespace locum::tests

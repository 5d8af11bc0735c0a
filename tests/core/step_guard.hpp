#pragma once

#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <memory>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "core/client/links.hpp"
#include "tests/core/forwarding_arena.hpp"
#include "tests/core/forwarding_directory.hpp"

namespace locum::tests {

/// Ends the process if a step of the channel might wait: calls within one must have a limited budget. Only
/// where one thread runs at a time.
class StepGuard {
 public:
  /// Called once; before that, and once the links are gone, nothing is checked.
  void watch(std::weak_ptr<Links> links) noexcept { links_ = std::move(links); }
  void check(const WaitBudget& budget, const char* call) const {
    const auto links = links_.lock();
    if (links && !budget.is_limited() && links->progress().is_driven()) {
      std::fprintf(stderr, "a step of the channel calls %s on a budget without limit\n", call);
      std::abort();
    }
  }

 private:
  std::weak_ptr<Links> links_;
};

class GuardedArena final : public ForwardingArena {
 public:
  GuardedArena(std::shared_ptr<Arena> arena, std::shared_ptr<const StepGuard> guard)
      : ForwardingArena(std::move(arena)), guard_(std::move(guard)) {}

  Result<Block> allocate(std::uint64_t size_bytes, std::uint64_t alignment, WaitBudget budget) override {
    guard_->check(budget, "allocate");
    return ForwardingArena::allocate(size_bytes, alignment, budget);
  }

 private:
  const std::shared_ptr<const StepGuard> guard_;
};

class GuardedDirectory final : public ForwardingDirectory {
 public:
  GuardedDirectory(std::shared_ptr<Directory> directory, std::shared_ptr<const StepGuard> guard)
      : ForwardingDirectory(std::move(directory)), guard_(std::move(guard)) {}

  Result<std::uint64_t> bind(const Key& key, const SealOptions& options, WaitBudget budget) override {
    guard_->check(budget, "bind");
    return ForwardingDirectory::bind(key, options, budget);
  }
  Result<Pin> find(std::uint32_t store, std::string_view name, WaitBudget budget) override {
    guard_->check(budget, "find");
    return ForwardingDirectory::find(store, name, budget);
  }
  Result<bool> unbind(std::uint32_t store, std::string_view name, const Key& only,
                      WaitBudget budget) override {
    guard_->check(budget, "unbind");
    return ForwardingDirectory::unbind(store, name, only, budget);
  }
  Result<std::uint64_t> generation(std::uint64_t hash, WaitBudget budget) override {
    guard_->check(budget, "generation");
    return ForwardingDirectory::generation(hash, budget);
  }
  Result<std::vector<std::string>> names(std::uint32_t store, std::string_view prefix,
                                         WaitBudget budget) override {
    guard_->check(budget, "names");
    return ForwardingDirectory::names(store, prefix, budget);
  }

 private:
  const std::shared_ptr<const StepGuard> guard_;
};

}  // namespace locum::tests

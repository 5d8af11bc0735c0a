#pragma once

#include <memory>
#include <utility>
#include <vector>

#include <locum/detail/session_state.hpp>
#include <locum/object/object.hpp>

namespace locum::detail {

/// Drafts of one store to be sealed together. The destructor discards those not released. One thread.
class OwnedDrafts {
 public:
  explicit OwnedDrafts(std::shared_ptr<OpenStore> store) noexcept : store_(std::move(store)) {}
  OwnedDrafts(const OwnedDrafts&) = delete;
  OwnedDrafts& operator=(const OwnedDrafts&) = delete;
  ~OwnedDrafts() {
    for (const ObjectDraft& draft : drafts_) {
      store_->session->discard(draft);
    }
  }

  /// If it throws std::bad_alloc, the draft is discarded.
  void add(const ObjectDraft& draft) {
    try {
      drafts_.push_back(draft);
    } catch (...) {
      store_->session->discard(draft);
      throw;
    }
  }
  [[nodiscard]] const std::vector<ObjectDraft>& all() const noexcept { return drafts_; }
  /// From now on the caller has to seal them.
  [[nodiscard]] std::vector<ObjectDraft> release() noexcept { return std::exchange(drafts_, {}); }

 private:
  const std::shared_ptr<OpenStore> store_;
  std::vector<ObjectDraft> drafts_;
};

}  // namespace locum::detail

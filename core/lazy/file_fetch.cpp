#include "core/lazy/file_fetch.hpp"

#include <exception>
#include <utility>

#include "core/detail/session_state.hpp"
#include "core/lazy/file_load.hpp"
#include "core/lazy/file_parts.hpp"
#include "core/lazy/file_records.hpp"

namespace locum::detail {

/// Neither task keeps this: who does not want it any more lets go of it.
class FileFetch::Ended final : public CompletionListener {
 public:
  using Step = void (FileFetch::*)() noexcept;
  Ended(std::weak_ptr<FileFetch> fetch, Step step) : fetch_(std::move(fetch)), step_(step) {}
  void ended() noexcept override {
    if (const auto fetch = fetch_.lock()) {
      (fetch.get()->*step_)();
    }
  }

 private:
  const std::weak_ptr<FileFetch> fetch_;
  const Step step_;
};

FileFetch::FileFetch(SessionState& session, const Address& at, const Selection& selection,
                     std::shared_ptr<Fetch> first)
    : GivenFetch(session.completions()),
      session_(session.weak_from_this()),
      store_(at.key.store),
      name_(at.name),
      selection_(selection),
      first_(std::move(first)) {}

void FileFetch::begin() {
  auto ended = std::make_shared<Ended>(weak_from_this(), &FileFetch::first_ended);
  first_->begin();
  first_->observe(std::move(ended));
}

// In a thread that may not wait.
void FileFetch::first_ended() noexcept {
  try {
    auto found = first_->get({});
    const auto session = session_.lock();
    if (!session || !may_be_in_file(found)) {
      return end(selected(std::move(found), selection_));
    }
    auto second = session->files().reading(*session, Address(store_, name_));
    {
      const MutexLock lock(mutex_);
      second_ = second;
    }
    auto ended = std::make_shared<Ended>(weak_from_this(), &FileFetch::second_ended);
    second->begin();
    second->observe(std::move(ended));
  } catch (const std::exception& error) {
    end(Error(Errc::out_of_memory, "reading an object from a file failed", error.what()));
  }
}

void FileFetch::second_ended() noexcept {
  std::shared_ptr<Fetch> second;
  {
    const MutexLock lock(mutex_);
    second = second_;
  }
  end(selected(second->get({}), selection_));
}

// HDF5 that is not built for several threads reads in the thread that uses the object.
Result<ObjectView> FileFetch::get(Deadline deadline) {
  auto found = GivenFetch::get(deadline);
  const auto session = !found && is_left_to_caller(found.error()) ? session_.lock() : nullptr;
  return session ? selected(session->files().load(*session, Address(store_, name_), deadline), selection_)
                 : std::move(found);
}

void FileFetch::forget() noexcept {
  first_->forget();
  const MutexLock lock(mutex_);
  if (second_) {
    second_->forget();
  }
}

}  // namespace locum::detail

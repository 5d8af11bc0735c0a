#pragma once

#include <memory>
#include <string>

#include "core/base/mutex.hpp"
#include "core/lazy/given_fetch.hpp"
#include "core/object/address.hpp"
#include "core/object/selection.hpp"

namespace locum::detail {

class SessionState;

/// A fetch of the object under a name, or of part of it, which continues with a second fetch if the object
/// has to be read from a file (see FileParts): the result of the first one shows that. Any thread.
class FileFetch final : public GivenFetch, public std::enable_shared_from_this<FileFetch> {
 public:
  /// \param first the fetch of what is under the name, not begun: of all of it, or of that part
  FileFetch(SessionState& session, const Address& at, const Selection& selection,
            std::shared_ptr<Fetch> first);

  void begin() override;
  [[nodiscard]] Result<ObjectView> get(Deadline deadline) override;
  void expedite() noexcept override { first_->expedite(); }
  void forget() noexcept override LOCUM_EXCLUDES(mutex_);

 private:
  class Ended;

  void first_ended() noexcept LOCUM_EXCLUDES(mutex_);
  void second_ended() noexcept LOCUM_EXCLUDES(mutex_);

  const std::weak_ptr<SessionState> session_;
  const std::uint32_t store_;
  const std::string name_;
  const Selection selection_;
  const std::shared_ptr<Fetch> first_;
  Mutex mutex_;
  std::shared_ptr<Fetch> second_ LOCUM_GUARDED_BY(mutex_);  ///< reads the file
};

}  // namespace locum::detail

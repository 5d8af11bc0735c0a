#pragma once

#include <functional>
#include <utility>

#include "core/async_result.hpp"
#include "core/c/locum.h"
#include "core/record.hpp"
#include "core/value/deadline.hpp"
#include "core/value/result.hpp"

namespace locum::c {

/// A value that a call loads from a file in the background: all that the file holds, or a part of that. It is
/// used as an AsyncResult is.
class LoadedValue {
 public:
  /// Returns what the call asks for of all that the file holds, or the error of the load.
  using Part = std::function<Result<Record>(Result<Record> all)>;
  /// Gives a view of the value, or returns the error.
  using Give = locum_status (*)(const Result<Record>& value, locum_view& view);

  LoadedValue(AsyncResult<Record> all, Part part, Give give_value)
      : all_(std::move(all)), part_(std::move(part)), give_(give_value) {}

  [[nodiscard]] bool ready() const noexcept { return all_.ready(); }
  [[nodiscard]] Result<Record> get(Deadline deadline) const { return part_(all_.get(deadline)); }
  /// Waits like get(), and gives a view of the value.
  [[nodiscard]] locum_status give(Deadline deadline, locum_view& view) const {
    return give_(get(deadline), view);
  }
  /// Calls the function when the load has ended.
  template <class Function>
  auto then(Function function) const {
    return all_.then(std::move(function));
  }
  void cancel() const noexcept { all_.cancel(); }

 private:
  AsyncResult<Record> all_;
  Part part_;
  Give give_;
};

}  // namespace locum::c

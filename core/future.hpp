#pragma once

#include <locum/async/async_result.hpp>
#include <locum/view.hpp>

namespace locum {

/// An object being fetched: get() returns its view, as Store::get() does. The first thread that asks decodes
/// it.
template <class T>
using Future = AsyncResult<View<T>>;

}  // namespace locum

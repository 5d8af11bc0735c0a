#pragma once

#include <locum/async/eventual.hpp>
#include <locum/view.hpp>

namespace locum {

/// An object that is on its way: get() shows it, as Store::get() does. Decoded by the first thread that asks.
template <class T>
using Future = Eventual<View<T>>;

}  // namespace locum

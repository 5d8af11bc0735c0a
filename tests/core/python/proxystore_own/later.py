"""What ProxyStore from 0.7 on uses of pydantic 2 and typing_extensions 4.6, where there are the earlier ones of Debian 12.

As far as its stores need it. Settings of models (`model_config`) have no effect.
"""

import pydantic
import typing_extensions

if not hasattr(typing_extensions, "TypeAliasType"):
    class TypeAliasType:
        def __init__(self, name, value, *, type_params=()):
            self.__name__, self.__value__, self.__type_params__ = name, value, type_params

        def __getitem__(self, parameters):
            return self.__value__[parameters]

    typing_extensions.TypeAliasType = TypeAliasType

if not hasattr(pydantic.BaseModel, "model_dump"):
    class BaseModel(pydantic.BaseModel):
        def __init_subclass__(cls, **named):
            super().__init_subclass__(**named)
            cls.__fields__.pop("model_config", None)

        def model_dump(self, **named):
            return self.dict(**named)

        @classmethod
        def model_validate(cls, values, strict=False):
            return cls.parse_obj(values)

    pydantic.BaseModel = BaseModel

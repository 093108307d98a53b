/** The words that puzzles are made of: characteristics, their values, and how a clue names who has one. No word occurs twice. */

export interface Characteristic {
  readonly key: string;
  /** How the prompt introduces the values. */
  readonly heading: string;
  /** Six single words in lower case. */
  readonly values: readonly string[];
  /** Who has the value, as a clue says it; begins in lower case, except a name. */
  readonly holder: (value: string) => string;
}

const capitalised = (word: string): string => word.charAt(0).toUpperCase() + word.slice(1);

/** Always the first characteristic: it is what is asked for. */
export const nameCharacteristic: Characteristic = {
  key: 'name',
  heading: 'Each person has a unique name',
  values: ['alice', 'bob', 'carol', 'david', 'emily', 'frank'],
  holder: capitalised,
};

export const otherCharacteristics: readonly Characteristic[] = [
  {
    key: 'drink',
    heading: 'Everyone orders a different drink',
    values: ['tea', 'milk', 'water', 'coffee', 'juice', 'cocoa'],
    holder: (value) => `the ${value} drinker`,
  },
  {
    key: 'pet',
    heading: 'Each of them keeps a different pet',
    values: ['cat', 'dog', 'fish', 'rabbit', 'parrot', 'pony'],
    holder: (value) => `the ${value} owner`,
  },
  {
    key: 'color',
    heading: 'The front doors are painted in different colors',
    values: ['red', 'blue', 'green', 'white', 'black', 'pink'],
    holder: (value) => `the person with the ${value} door`,
  },
  {
    key: 'flower',
    heading: 'Everyone grows a different flower',
    values: ['tulip', 'rose', 'lily', 'daisy', 'orchid', 'violet'],
    holder: (value) => `the ${value} grower`,
  },
  {
    key: 'job',
    heading: 'They all have different jobs',
    values: ['baker', 'nurse', 'pilot', 'farmer', 'painter', 'lawyer'],
    holder: (value) => `the ${value}`,
  },
  {
    key: 'sport',
    heading: 'Each person plays a different sport',
    values: ['tennis', 'golf', 'hockey', 'rugby', 'cricket', 'soccer'],
    holder: (value) => `the ${value} player`,
  },
  {
    key: 'instrument',
    heading: 'Everyone practises a different instrument',
    values: ['piano', 'violin', 'flute', 'guitar', 'cello', 'trumpet'],
    holder: (value) => `the person who practises the ${value}`,
  },
  {
    key: 'vehicle',
    heading: 'They go to work in different ways',
    values: ['bicycle', 'tram', 'car', 'bus', 'scooter', 'ferry'],
    holder: (value) => `the person who takes the ${value}`,
  },
  {
    key: 'month',
    heading: 'Their birthdays are in different months',
    values: ['january', 'march', 'may', 'june', 'august', 'october'],
    holder: (value) => `the person born in ${capitalised(value)}`,
  },
  {
    key: 'city',
    heading: 'Each person moved here from a different city',
    values: ['paris', 'rome', 'tokyo', 'cairo', 'lima', 'oslo'],
    holder: (value) => `the person from ${capitalised(value)}`,
  },
];

/** By key. */
export const characteristicOf: ReadonlyMap<string, Characteristic> = new Map(
  [nameCharacteristic, ...otherCharacteristics].map((characteristic) => [characteristic.key, characteristic]),
);

/** Words for generated mail, in a few languages and scripts; no real people or companies. */

export interface Vocabulary {
  readonly greeting: string
  readonly closing: string
  readonly wrote: string
  readonly sentences: readonly [string, ...string[]]
  readonly subjects: readonly [string, ...string[]]
}

type Name = readonly [given: string, surname: string]

export const VOCABULARIES: Readonly<Record<string, Vocabulary>> = {
  en: {
    greeting: 'Hello,',
    closing: 'Kind regards,',
    wrote: 'wrote:',
    sentences: [
      'Please find the figures for the last quarter attached.',
      'The supplier confirmed the delivery for next Thursday.',
      'Could you check the second paragraph of the contract before noon?',
      'We agreed to move the review by one week.',
      'The test run finished without errors, the report is on the share.',
      'I have added two comments to the draft.',
      'Let us keep the old price list until the end of the month.',
      'Nobody answered the customer yet, could you take it over?',
    ],
    subjects: [
      'Quarterly figures',
      'Delivery of the spare parts',
      'Draft of the framework contract',
      'Minutes of the planning meeting',
      'Invoice 2026-0417',
      'Travel to the Rotterdam office',
      'Open points for the audit',
      'Budget for next year',
    ],
  },
  de: {
    greeting: 'Guten Tag,',
    closing: 'Mit freundlichen Grüßen',
    wrote: 'schrieb:',
    sentences: [
      'Anbei die Auswertung für das abgelaufene Quartal.',
      'Die Lieferung verzögert sich voraussichtlich um drei Werktage.',
      'Können Sie die Prüfung bis Freitagmittag übernehmen?',
      'Der Entwurf enthält noch zwei offene Fragen zur Gewährleistung.',
      'Wir haben den Termin einvernehmlich verschoben.',
      'Für Rückfragen stehe ich gerne zur Verfügung.',
    ],
    subjects: [
      'Auswertung Quartal',
      'Angebot über Ersatzteile',
      'Rückfrage zur Rechnung',
      'Übergabeprotokoll Halle 3',
      'Schulung für neue Kolleginnen und Kollegen',
    ],
  },
  fr: {
    greeting: 'Bonjour,',
    closing: 'Bien cordialement,',
    wrote: 'a écrit :',
    sentences: [
      'Vous trouverez ci-joint le compte rendu de la réunion.',
      'Le délai a été prolongé jusqu’à la fin du mois.',
      'Merci de vérifier les chiffres avant l’envoi au client.',
      'La livraison est prévue pour la semaine prochaine.',
    ],
    subjects: ['Compte rendu de réunion', 'Devis n° 2026-118', 'Congés d’été', 'Relevé mensuel'],
  },
  ja: {
    greeting: 'お世話になっております。',
    closing: 'よろしくお願いいたします。',
    wrote: 'さんは書きました:',
    sentences: [
      '添付の資料をご確認ください。',
      '会議は来週の火曜日に変更になりました。',
      '見積書を金曜日までにお送りします。',
      'ご不明な点がございましたら、お知らせください。',
    ],
    subjects: ['会議の議事録', '見積書の件', '納期のご相談', '出張の予定'],
  },
  pl: {
    greeting: 'Dzień dobry,',
    closing: 'Z poważaniem',
    wrote: 'napisał(a):',
    sentences: [
      'W załączeniu przesyłam zestawienie za ostatni miesiąc.',
      'Proszę o potwierdzenie terminu dostawy.',
      'Umowa wymaga jeszcze podpisu działu zakupów.',
      'Spotkanie przełożono na środę.',
    ],
    subjects: ['Zestawienie miesięczne', 'Termin dostawy', 'Umowa ramowa – poprawki'],
  },
}

export const LANGUAGES = ['en', 'en', 'en', 'de', 'de', 'fr', 'ja', 'pl'] as const

/** Given name and surname. */
export const PEOPLE: readonly [Name, ...Name[]] = [
  ['Ada', 'Brandt'],
  ['Bela', 'Kovács'],
  ['Chiara', 'Rossi'],
  ['Dieter', 'Großmann'],
  ['Elif', 'Yıldız'],
  ['Fiona', "O'Hara"],
  ['Grzegorz', 'Żak'],
  ['Hana', 'Sato'],
  ['Ivo', 'Novák'],
  ['Jasmin', 'Weber'],
  ['Kofi', 'Mensah'],
  ['Lena', 'Åkesson'],
  ['Mateo', 'Núñez'],
  ['Noor', 'Haddad'],
  ['Olga', 'Petrova'],
  ['Pierre', 'Lefèvre'],
  ['Qiang', 'Wu'],
  ['Rosa', 'Pinto'],
  ['Sven', 'Jørgensen'],
  ['Tara', 'Singh'],
]

export const CATEGORY_NAMES = ['Blue category', 'Customer', 'Wichtig', 'Follow up'] as const
